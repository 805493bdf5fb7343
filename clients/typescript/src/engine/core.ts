import type { Clock } from "../clock.js";
import type { OpenWearablesError } from "../error.js";
import type { Store } from "../store/store.js";
import type { Emitter, EventName, Events } from "./event.js";
import type { Session } from "./record.js";
import { cooldown } from "./verdict.js";

/** What the renewals about one record have met. */
interface Failures {
  count: number;
  /** What everybody gets until the cooldown is over. */
  error?: OpenWearablesError;
  /** Monotonic. */
  until: number;
  /** Monotonic: when the first doubtful verdict came. */
  doubt?: number;
  /** The server's word that there will be no other answer. */
  dead?: OpenWearablesError;
}

/** How a session ended. A record of it that the store would not give up is not taken up again. */
export interface Ending {
  id: string | undefined;
  error: OpenWearablesError;
}

/**
 * One session as the whole page or process knows it: all who use the same store
 * and base URL share one, so that they renew once.
 */
export interface Core {
  readonly base: string;
  readonly clock: Clock;
  readonly emitters: Set<Emitter>;
  /** Changes with each sign-in and sign-out; what began in an earlier one is never published. */
  generation: number;
  session?: Session | undefined;
  /** Why there is no session, where somebody said so. */
  ended?: Ending | undefined;
  renewal?: Promise<Session | undefined> | undefined;
  failures: Failures;
}

/** A core that nobody shares. */
export function createCore(base: string, clock: Clock): Core {
  return { base, clock, emitters: new Set(), generation: 0, failures: { count: 0, until: 0 } };
}

/** Makes s the session, and forgets what the renewals about another record met. */
export function publish(core: Core, s: Session | undefined, ended?: Ending): void {
  if (!s || s.raw !== core.session?.raw) {
    core.failures = { count: 0, until: 0 };
  }
  core.session = s;
  core.ended = ended;
}

/** Tells the listeners of all who share the session. */
export function emit<N extends EventName>(core: Core, name: N, event: Events[N]): void {
  for (const emitter of core.emitters) {
    emitter.emit(name, event);
  }
}

/** The error that everybody gets until the cooldown is over. */
export function cooldownError({ clock, failures }: Core): OpenWearablesError | undefined {
  return clock.mono() < failures.until ? failures.error : undefined;
}

/** Starts a cooldown and returns its error. */
export function startCooldown(
  { clock, failures }: Core,
  error: OpenWearablesError,
): OpenWearablesError {
  failures.until = clock.mono() + cooldown(++failures.count, error);
  failures.error = error;
  return error;
}

/** Whether s can be sent. */
export function isUsable(core: Core, s: Session | undefined, refused: string): s is Session {
  return !!s && s.record.access_token !== refused && core.clock.mono() < s.expiresAt;
}

/** Whether there is something to do for s while it lasts: to renew it, or to store it. */
export function isDue({ clock }: Core, s: Session): boolean {
  const now = clock.mono();
  return now >= Math.min(s.renewAt, s.saveAt) && now < s.expiresAt;
}

/** s as it is while the store holds another record in its place, or its own. */
export function withStored({ clock }: Core, s: Session, stored: string | undefined): Session {
  const saveRetry = 5_000; // before a refused save is tried again
  return { ...s, stored, saveAt: stored === s.raw ? Infinity : clock.mono() + saveRetry };
}

interface Cores {
  get(key: unknown): WeakRef<Core> | undefined;
  set(key: unknown, core: WeakRef<Core>): unknown;
}

const named: Cores = new Map<unknown, WeakRef<Core>>();
const unnamed: Cores = new WeakMap();

/** The page's or process's one core of a store and a base URL; it lives as long as it is used. */
export function sharedCore(store: Store, base: string, clock: Clock): Core {
  const [cores, key] = store.id ? [named, `${store.id} ${base}`] : [unnamed, store];
  let core = cores.get(key)?.deref();
  if (core?.base !== base) {
    core = createCore(base, clock);
    cores.set(key, new WeakRef(core));
  }
  return core;
}
