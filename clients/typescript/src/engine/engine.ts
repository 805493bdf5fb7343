import { abortable } from "../clock.js";
import { failure, type OpenWearablesError, signedOut, storageError, toError } from "../error.js";
import { isHidden } from "../resume.js";
import type { TokenRpc } from "../rpc.js";
import { type GuardedStore, guardedStore, type Store } from "../store/store.js";
import type { Context, EngineOptions, Need } from "./context.js";
import {
  type Core,
  cooldownError,
  type Ending,
  emit,
  endCooldown,
  isDue,
  isUsable,
  publish,
  soon,
  withStored,
} from "./core.js";
import type { Emitter } from "./event.js";
import { isOthers, openSession, type Session } from "./record.js";
import { renew } from "./renewal.js";
import { postpone, revokeRest } from "./revocation.js";

/** Keeps a session's tokens fresh for one client. */
export interface Engine extends Context {
  /**
   * Resolves with a session whose access token can be sent and differs from the
   * refused one. It fails at once if the server asks to wait for longer than is left.
   */
  token(refused?: string, need?: Need): Promise<Session>;
  /** Ends the cooldown: the network or the person is back. */
  resume(): void;
  /** Checks the session once, after the page was hidden or the network was away. */
  wake(): void;
  /**
   * Makes s the session in place of any other and stores it. If that fails it emits
   * storageError.
   */
  signIn(s: Session): Promise<void>;
  /** Forgets the session at once, clears the store, and then revokes the session at the server. */
  signOut(): Promise<void>;
  /**
   * Cancels the engine's work and stops its listening. The store keeps the session.
   * Repeating a canceled renewal has the same effect as finishing it.
   */
  dispose(): void;
}

/** Returns an engine for one client. Engines that share a core share their renewals. */
export function createEngine(
  core: Core,
  store: Store,
  rpc: TokenRpc,
  emitter: Emitter,
  options: EngineOptions = {},
): Engine {
  const controller = new AbortController();
  const disposed = controller.signal;
  const context: Context = { core, store: guardedStore(store), rpc, options, disposed };
  const throwIfDisposed = () => {
    if (disposed.aborted) {
      throw failure("canceled", "the session was disposed of");
    }
  };

  /** Returns the renewal under way, or starts one. */
  function joinRenewal(refused = ""): Promise<Session | undefined> {
    if (!core.renewal) {
      core.renewal = renew(context, refused).finally(() => {
        core.renewal = undefined;
      });
      core.renewal.catch(() => {}); // there may be no waiter
    }
    return core.renewal;
  }

  core.emitters.add(emitter);
  store.watch?.(() => {
    if (!core.renewal && core.session) {
      renew(context, "", true).catch(() => {});
    }
  }, disposed);
  return {
    ...context,
    async token(refused = "", need = {}) {
      if (need.userInitiated) {
        endCooldown(core);
      }
      for (;;) {
        throwIfDisposed();
        let s = core.session;
        if (!isUsable(core, s, refused)) {
          s = await abortable(need.signal, soon(core, joinRenewal(refused), need.left));
        }
        if (s && s.record.access_token !== refused) {
          // Renew in the background, unless that failed a moment ago.
          const skip = options.readOnly || isHidden() || cooldownError(core);
          if (!skip && isDue(core, s)) {
            joinRenewal();
          }
          return s;
        }
      }
    },
    resume: () => endCooldown(core, true),
    wake() {
      void revokeRest(core.base);
      if (core.session) {
        joinRenewal();
      }
    },
    async signIn(s) {
      throwIfDisposed();
      return signIn(context, s);
    },
    async signOut() {
      throwIfDisposed();
      return signOut(context);
    },
    dispose() {
      controller.abort();
      core.emitters.delete(emitter);
    },
  };
}

/** Makes s the session of a new generation. */
async function signIn({ core, store }: Context, s: Session): Promise<void> {
  const generation = ++core.generation;
  publish(core, s);
  core.told = s.record.id;
  const [before, error, unread] = await overwrite(core, store, s.raw);
  const superseded = core.generation !== generation;
  if (!superseded) {
    emit(core, "signedIn", { other: false });
  }
  if (error) {
    if (!superseded) {
      publish(core, withStored(core, s, before, unread));
    }
    emit(core, "storageError", { error });
  }
}

/** Ends the session, and the user's one that the store held. Rejects with the first failure. */
async function signOut({ core, store, rpc }: Context): Promise<void> {
  const { id, refresh_token } = core.session?.record ?? {};
  const tokens = new Set([rpc.placeholder, refresh_token]);
  const ended: Ending = { id, error: signedOut() };
  const generation = ++core.generation;
  publish(core, undefined, ended);
  core.told = undefined;
  let [before, failed, unread] = await overwrite(core, store, undefined);
  if (unread) {
    ended.unread = core.clock.wall();
    if (core.generation === generation) {
      publish(core, undefined, ended);
    }
  }
  if (before) {
    try {
      const held = openSession(core, before)?.record;
      ended.id = held?.id ?? id;
      tokens.add(held?.refresh_token);
    } catch {
      // it is no session
    }
  }
  if (core.generation === generation) {
    emit(core, "signedOut", { other: false });
  }
  for (const token of tokens) {
    if (token) {
      await rpc.revoke(token).catch((e) => {
        failed ??= toError(e);
        postpone(core.base, token, e, () => rpc.revokeLater(token, store));
      });
    }
  }
  if (failed) {
    throw failed;
  }
}

/**
 * Replaces whatever the store holds by raw. Without raw it clears it, except for the
 * session of another user or base URL. It stops when the user signs in or out meanwhile, which
 * decides then. Resolves with the record before, and if the store failed with the error and
 * whether it could not even be read.
 */
async function overwrite(
  core: Core,
  store: GuardedStore,
  raw: string | undefined,
): Promise<[before: string | undefined, error?: OpenWearablesError, unread?: boolean]> {
  let before: string | undefined;
  let unread = false;
  const { generation } = core;
  try {
    // Each attempt fails because another page or process has written.
    for (let i = 0; i < 256; i++) {
      unread = true;
      before = await store.load();
      unread = false;
      const superseded = core.generation !== generation;
      const keep = raw === undefined && isOthers(core, before);
      if (superseded || keep || (await store.swap(raw, before))) {
        return [before];
      }
    }
    throw storageError(new Error("others keep writing to it"));
  } catch (e) {
    return [before, toError(e), unread];
  }
}
