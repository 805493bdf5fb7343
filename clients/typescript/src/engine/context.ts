import type { TokenRpc } from "../rpc.js";
import type { GuardedStore } from "../store/store.js";
import type { Core } from "./core.js";
import type { TokenProvider } from "./provider.js";

/** What an engine may do beside keeping what the app gives it. */
export interface EngineOptions {
  provider?: TokenProvider | undefined;
  userId?: string | undefined;
  /** It uses what the store holds and renews nothing. */
  readOnly?: boolean;
}

/** What a renewal works with. */
export interface Context {
  readonly core: Core;
  readonly store: GuardedStore;
  readonly rpc: TokenRpc;
  readonly options: EngineOptions;
  /** Ends when the engine is disposed of. */
  readonly disposed: AbortSignal;
}
