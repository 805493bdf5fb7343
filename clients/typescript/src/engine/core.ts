import { type Clock, sleep } from "../clock.js";
import { type OpenWearablesError, signedOut, withWait } from "../error.js";
import { shared } from "../shared.js";
import type { Store } from "../store/store.js";
import type { Emitter, EventName, Events } from "./event.js";
import type { Owner, Session } from "./record.js";
import { cooldown } from "./verdict.js";

/** The outcome of the failed renewals of one record. */
interface Failures {
  count: number;
  /** The error of every renewal until the cooldown is over. */
  error?: OpenWearablesError;
  /** When the cooldown ends, on the monotonic clock. */
  until: number;
  /** When the first doubtful verdict came, on the monotonic clock. */
  doubt?: number;
  /** The refusal that ended the session; the server will not change it. */
  dead?: OpenWearablesError;
}

/** How a session ended. If the store still holds its record, that record is not adopted again. */
export interface Ending {
  id: string | undefined;
  error: OpenWearablesError;
  /**
   * If the store could not even be read, when that was, on the wall clock: a record that
   * was saved by then is of that session too.
   */
  unread?: number;
}

/**
 * The state of one session in a page or process. All engines with the same store,
 * base URL and user share one core, so that they renew once.
 */
export interface Core extends Owner {
  readonly emitters: Set<Emitter>;
  /**
   * Grows with each sign-in and sign-out. Work begun in an earlier generation publishes
   * nothing.
   */
  generation: number;
  session?: Session | undefined;
  /** Why there is no session, if that is known. */
  ended?: Ending | undefined;
  renewal?: Promise<Session | undefined> | undefined;
  /** The wait of the renewal under way that the server asked for. */
  pause?: { error: OpenWearablesError; until: number } | undefined;
  /** Called when such a wait begins. */
  readonly waiting: Set<(error: OpenWearablesError, until: number) => void>;
  /** The id of the session that events have told of. */
  told?: string | undefined;
  /** The session of another user or base URL that the store holds. Only a sign-in replaces it. */
  others?: string | undefined;
  failures: Failures;
}

/** Returns a core that is not shared. */
export function createCore(base: string, clock: Clock, user = ""): Core {
  const failures = { count: 0, until: 0 };
  const sets = {
    emitters: new Set<never>(),
    waiting: new Set<never>(),
  };
  return { base, user, clock, generation: 0, failures, ...sets };
}

/** Makes s the current session and forgets the failures of another record. */
export function publish(core: Core, s: Session | undefined, ended?: Ending): void {
  if (!s || s.raw !== core.session?.raw) {
    core.failures = { count: 0, until: 0 };
  }
  core.session = s;
  core.ended = ended;
}

/** Returns the error of a caller while there is no session. */
export function noSessionError({ ended }: Core): OpenWearablesError {
  return ended?.error ?? signedOut();
}

/** Emits an event to the listeners of every engine that shares the session. */
export function emit<N extends EventName>(core: Core, name: N, event: Events[N]): void {
  for (const emitter of core.emitters) {
    emitter.emit(name, event);
  }
}

/** Waits before the next attempt of a renewal. Callers learn of a wait that the server asked for. */
export async function pauseFor(
  core: Core,
  error: OpenWearablesError,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (error.retryAfterMs) {
    const until = core.clock.mono() + ms;
    core.pause = { error, until };
    for (const waits of core.waiting) {
      waits(error, until);
    }
  }
  await sleep(ms, signal).finally(() => {
    core.pause = undefined;
  });
}

/** Settles as a renewal does, or fails once that has to wait for longer than is left. */
export function soon<T>(core: Core, renewal: Promise<T>, left = () => Infinity): Promise<T> {
  return new Promise((resolve, reject) => {
    const waits = (error: OpenWearablesError, until: number) => {
      const ms = until - core.clock.mono();
      if (ms >= left()) {
        reject(withWait(error, ms));
      }
    };
    core.waiting.add(waits);
    renewal.then(resolve, reject).finally(() => core.waiting.delete(waits));
    if (core.pause) {
      waits(core.pause.error, core.pause.until);
    }
  });
}

/**
 * Returns the error of the cooldown under way, which says how long it lasts, undefined
 * if there is none.
 */
export function cooldownError({ clock, failures }: Core): OpenWearablesError | undefined {
  const left = failures.until - clock.mono();
  return failures.error && left > 0 ? withWait(failures.error, left) : undefined;
}

/** Starts a cooldown and returns its error. */
export function startCooldown(core: Core, error: OpenWearablesError): OpenWearablesError {
  const { clock, failures } = core;
  failures.until = clock.mono() + cooldown(++failures.count, error);
  failures.error = error;
  return cooldownError(core) ?? error;
}

/**
 * Ends the cooldown, unless the server asked for it. `forget`: the next renewal makes as
 * many attempts as a first one.
 */
export function endCooldown({ failures }: Core, forget = false): void {
  if (!failures.error?.retryAfterMs) {
    failures.until = 0;
    failures.count = forget ? 0 : failures.count;
  }
}

/** Reports whether s can be used: its token has not expired and is not the refused one. */
export function isUsable(core: Core, s: Session | undefined, refused: string): s is Session {
  return !!s && s.record.access_token !== refused && core.clock.mono() < s.expiresAt;
}

/** Reports whether two sessions have one record, wherever that is stored by now. */
export function isSame(a: Session | undefined, b: Session | undefined): boolean {
  return a?.raw === b?.raw;
}

/** Reports whether s should be renewed, or stored again, although it can still be used. */
export function isDue({ clock }: Core, s: Session): boolean {
  const now = clock.mono();
  return now >= Math.min(s.renewAt, s.saveAt) && now < s.expiresAt;
}

const storeRetry = 5_000; // before a store that failed is asked again

/** Returns s with the record that the store holds for it: its own, or another in its place. */
export function withStored(
  { clock }: Core,
  s: Session,
  stored: string | undefined,
  unread = false,
): Session {
  const saveAt = stored === s.raw ? Infinity : clock.mono() + storeRetry;
  return { ...s, stored, unread, saveAt };
}

/**
 * Emits the failure of a store, and puts off the renewal of a session that is due and can
 * still be used, so that not every call asks the store.
 */
export function storeFailed(core: Core, error: OpenWearablesError): void {
  emit(core, "storageError", { error });
  const s = core.session;
  if (s && isDue(core, s)) {
    const next = Math.min(core.clock.mono() + storeRetry, s.expiresAt);
    publish(core, { ...s, renewAt: Math.max(s.renewAt, next), saveAt: Math.max(s.saveAt, next) });
  }
}

type Cores = Map<string, { deref(): Core | undefined }>;

const allCores = () =>
  shared("cores", () => ({ named: new Map() as Cores, unnamed: new WeakMap<Store, Cores>() }));

function forgetDead(cores: Cores): void {
  for (const [key, ref] of cores) {
    if (!ref.deref()) {
      cores.delete(key);
    }
  }
}

/**
 * Returns the core of a store, a base URL and a user, one for the whole page or process.
 * It lives as long as an engine uses it.
 */
export function sharedCore(store: Store, base: string, clock: Clock, user = ""): Core {
  const { named, unnamed } = allCores();
  let cores = store.id === undefined ? unnamed.get(store) : named;
  if (!cores) {
    cores = new Map();
    unnamed.set(store, cores);
  }
  const key = JSON.stringify([store.id, base, user]);
  let core = cores.get(key)?.deref();
  if (!core) {
    if (cores.size % 64 === 63) {
      forgetDead(cores);
    }
    core = createCore(base, clock, user);
    const held = core;
    cores.set(key, typeof WeakRef === "function" ? new WeakRef(core) : { deref: () => held });
  }
  return core;
}
