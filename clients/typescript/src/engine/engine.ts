import { unless } from "../clock.js";
import { canceled, type OpenWearablesError, signedOut, storageError, toError } from "../error.js";
import { isHidden } from "../resume.js";
import type { TokenRpc } from "../rpc.js";
import { type Place, placeOf, type Store } from "../store/store.js";
import type { Crew, EngineOptions } from "./context.js";
import { type Core, cooling, due, type Ending, kept, publish, tell, usable } from "./core.js";
import type { Emitter } from "./event.js";
import { openSession, type Session } from "./record.js";
import { renew } from "./renewal.js";

/** Keeps a session's tokens fresh for one client. */
export interface Engine extends Crew {
  /**
   * Returns a session whose access token can be sent and is not refused, the one
   * that the server refused. The caller leaves by its signal; the work goes on.
   */
  token(refused?: string, signal?: AbortSignal): Promise<Session>;
  /** Checks once after a sleep, which may have been long and without a network. */
  wake(): void;
  /** Makes s the session in place of any other, and stores it. Never fails: see storageError. */
  signIn(s: Session): Promise<void>;
  /** Forgets the session at once, clears the store, and ends the session at the server. */
  signOut(): Promise<void>;
  /**
   * Stops what goes on and listens to nothing any more. The store keeps the
   * session; a renewal that was under way is the same one when it is repeated.
   */
  dispose(): void;
}

/** Makes the engine of a client; clients that share a core share their renewals. */
export function createEngine(
  core: Core,
  store: Store,
  rpc: TokenRpc,
  emitter: Emitter,
  options: EngineOptions = {},
): Engine {
  const over = new AbortController();
  const until = over.signal;
  const crew: Crew = { core, place: placeOf(store), rpc, options, until };
  const check = () => {
    if (until.aborted) {
      throw canceled("the session was disposed of");
    }
  };

  /** Returns the renewal under way, or starts one. */
  function join(refused = ""): Promise<Session | undefined> {
    if (!core.renewal) {
      core.renewal = renew(crew, refused).finally(() => {
        core.renewal = undefined;
      });
      core.renewal.catch(() => {}); // perhaps nobody waits
    }
    return core.renewal;
  }

  core.audience.add(emitter);
  store.watch?.(() => {
    if (!core.renewal && core.session) {
      renew(crew, "", true).catch(() => {});
    }
  }, until);
  return {
    ...crew,
    async token(refused = "", signal) {
      for (;;) {
        check();
        let s = core.session;
        if (!usable(core, s, refused)) {
          s = await unless(signal, join(refused));
        }
        if (s && s.record.access_token !== refused) {
          // Renewed behind, where nobody waits for it, unless that failed a moment ago.
          const idle = options.readOnly || isHidden() || cooling(core);
          if (!idle && due(core, s)) {
            join();
          }
          return s;
        }
      }
    },
    wake() {
      if (core.failures.error?.kind === "offline") {
        core.failures.until = 0; // the network may be back
      }
      if (core.session) {
        join();
      }
    },
    async signIn(s) {
      check();
      return signIn(crew, s);
    },
    async signOut() {
      check();
      return signOut(crew);
    },
    dispose() {
      over.abort();
      core.audience.delete(emitter);
    },
  };
}

async function signIn({ core, place }: Crew, s: Session): Promise<void> {
  const generation = ++core.generation;
  publish(core, s);
  const [before, error] = await overwrite(place, s.raw);
  tell(core, "signedIn", { other: false });
  if (error) {
    if (core.generation === generation) {
      publish(core, kept(core, s, before));
    }
    tell(core, "storageError", { error });
  }
}

async function signOut({ core, place, rpc }: Crew): Promise<void> {
  const { id, refresh_token } = core.session?.record ?? {};
  const tokens = new Set([rpc.standing, refresh_token]);
  const ended: Ending = { id, error: signedOut() };
  core.generation++;
  publish(core, undefined, ended);
  let [before, failed] = await overwrite(place, undefined);
  if (before) {
    try {
      const { record } = openSession(core, before);
      ended.id = record.id;
      tokens.add(record.refresh_token);
    } catch {
      // not ours to revoke
    }
  }
  tell(core, "signedOut", { other: false });
  for (const token of tokens) {
    if (token) {
      await rpc.revoke(token).catch((e) => {
        failed ??= toError(e);
      });
    }
  }
  if (failed) {
    throw failed;
  }
}

/** Makes raw (undefined: nothing) what the store holds, whatever is there. */
async function overwrite(
  place: Place,
  raw: string | undefined,
): Promise<[before: string | undefined, error?: OpenWearablesError]> {
  let before: string | undefined;
  try {
    for (let i = 0; i < 16; i++) {
      before = await place.load();
      if (await place.swap(raw, before)) {
        return [before];
      }
    }
    throw storageError(new Error("others keep writing to it"));
  } catch (e) {
    return [before, toError(e)];
  }
}
