import type { TokenRpc } from "../rpc.js";
import type { GuardedStore } from "../store/store.js";
import type { Core } from "./core.js";
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
