import type { TokenRpc } from "../rpc.js";
import type { GuardedStore } from "../store/store.js";
import type { Core } from "./core.js";
import type { TokenProvider } from "./provider.js";

/** How an engine gets new sessions, and whether it may. */
export interface EngineOptions {
  provider?: TokenProvider | undefined;
  userId?: string | undefined;
  /** The engine uses what the store holds and renews nothing. */
  readOnly?: boolean;
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
