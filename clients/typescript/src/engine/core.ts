import type { Clock } from "../clock.js";
import type { OpenWearablesError } from "../error.js";
import type { Store } from "../store/store.js";
import type { Emitter, EventName, Events } from "./event.js";
import type { Session } from "./record.js";
import { cooldown, doubtApart } from "./verdict.js";

/** What the flights about one record have met. */
class Failures {
  count = 0;
  error: OpenWearablesError | undefined;
  until = 0;
  doubt: number | undefined;
  /** The server's word that there will be no other answer. */
  dead: OpenWearablesError | undefined;
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
export class Core {
  /** Changes with each sign-in and sign-out; what began in an earlier one is never published. */
  generation = 0;
  session: Session | undefined;
  /** Why there is no session, where somebody said so. */
  ended: Ending | undefined;
  flight: Promise<Session> | undefined;
  readonly audience = new Set<Emitter>();
  failures = new Failures();

  constructor(
    readonly base: string,
    readonly clock: Clock,
  ) {}

  /** Monotonic. */
  get now(): number {
    return this.clock.mono();
  }

  emit<N extends EventName>(name: N, event: Events[N]): void {
    for (const emitter of this.audience) {
      emitter.emit(name, event);
    }
  }

  /** Makes s the session, unless the generation has changed. */
  publish(generation: number, s: Session | undefined, ended?: Ending): boolean {
    const current = this.generation === generation;
    if (current) {
      if (s?.raw !== this.session?.raw) {
        this.failures = new Failures();
      }
      this.session = s;
      this.ended = ended;
    }
    return current;
  }

  /** Starts a new generation with s. */
  supersede(s: Session | undefined, ended?: Ending): number {
    this.failures = new Failures();
    this.publish(++this.generation, s, ended);
    return this.generation;
  }

  /** The error that everybody gets until the cooldown is over. */
  cooling(): OpenWearablesError | undefined {
    return this.now < this.failures.until ? this.failures.error : undefined;
  }

  fail(error: OpenWearablesError): void {
    const f = this.failures;
    f.error = error;
    f.until = this.now + cooldown(++f.count, error);
  }

  /** Ends a cooldown for want of a network. */
  online(): void {
    if (this.failures.error?.kind === "offline") {
      this.failures.until = 0;
    }
  }

  /** Notes a doubtful verdict; true where an equal one came before, long enough ago. */
  doubted(): boolean {
    const now = this.now;
    this.failures.doubt ??= now;
    return now - this.failures.doubt >= doubtApart;
  }

  /** Whether there is something to do for s: to renew it, or to store it. */
  due({ soft, unsaved }: Session): boolean {
    return this.now >= Math.min(soft, unsaved?.again ?? soft);
  }

  /** Whether s can be sent. */
  usable(s: Session | undefined, refused: string): s is Session {
    return !!s && s.record.access_token !== refused && this.now < s.hard;
  }
}

interface Cores {
  get(key: unknown): WeakRef<Core> | undefined;
  set(key: unknown, core: WeakRef<Core>): unknown;
}

const named: Cores = new Map<unknown, WeakRef<Core>>();
const unnamed: Cores = new WeakMap();

/** The page's or process's one core of a store and a base URL; it lives as long as it is used. */
export function coreOf(store: Store, base: string, clock: Clock): Core {
  const [cores, key] = store.id ? [named, `${store.id} ${base}`] : [unnamed, store];
  let core = cores.get(key)?.deref();
  if (core?.base !== base) {
    core = new Core(base, clock);
    cores.set(key, new WeakRef(core));
  }
  return core;
}
