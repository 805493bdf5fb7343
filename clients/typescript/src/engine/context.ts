import type { Deadline } from "../clock.js";
import type { TokenRpc } from "../rpc.js";
import type { GuardedStore } from "../store/store.js";
import { type Core, emit, noSessionError } from "./core.js";
import type { EventName, Events } from "./event.js";
import type { TokenProvider } from "./provider.js";

/** How an engine gets new sessions, and whether it may. */
export interface EngineOptions {
  provider?: TokenProvider | undefined;
  userId?: string | undefined;
  /** The provider is of this package: its errors are those of the calls. */
  own?: boolean;
  /** Refused credentials may be others the next time: a person is asked for them. */
  asksPerson?: boolean;
  /** The engine uses what the store holds and renews nothing. */
  readOnly?: boolean;
}

/** How a call needs a token. */
export interface Need {
  /** Ends the wait, not a renewal. */
  signal?: AbortSignal | undefined;
  /** Returns how many milliseconds the call has left; without it there is no limit. */
  left?: () => number;
  /** A person waits: no cooldown applies that the server did not ask for. */
  userInitiated?: boolean | undefined;
}

/** What an engine shares with its renewals. */
export interface Context {
  readonly core: Core;
  readonly store: GuardedStore;
  readonly rpc: TokenRpc;
  readonly options: EngineOptions;
  /** Aborts when the engine is disposed of. */
  readonly disposed: AbortSignal;
}

/** One renewal under way. */
export interface Renewal extends Context, Deadline {
  /** The access token that the server refused, or empty. */
  readonly refused: string;
  /** The generation of the core when the renewal began. */
  readonly generation: number;
  /** Emit the events since the last flush. */
  readonly events: (() => void)[];
}

/** Emits an event at the next flush. */
export function enqueue<N extends EventName>(r: Renewal, name: N, event: Events[N]): undefined {
  r.events.push(() => emit(r.core, name, event));
}

/** Emits the events so far. */
export function flush({ events }: Renewal): void {
  for (const event of events.splice(0)) {
    event();
  }
}

export function now({ core }: Renewal): number {
  return core.clock.mono();
}

/** Reports whether the user signed in or out since the renewal began. */
export function isSuperseded({ core, generation }: Renewal): boolean {
  return core.generation !== generation;
}

/** Reports whether the result of the renewal cannot be used any more. */
export function isObsolete(r: Renewal): boolean {
  return r.disposed.aborted || isSuperseded(r);
}

/** @throws if the renewal is obsolete; renew drops the error */
export function throwIfObsolete(r: Renewal): void {
  if (isObsolete(r)) {
    throw noSessionError(r.core);
  }
}
