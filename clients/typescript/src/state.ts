import type { Emitter } from "./engine/event.js";
import { isUnauthenticated } from "./kind.js";

/** Whether somebody is signed in. It is `unknown` until the store or the server has told. */
export type SessionState = "unknown" | "signedOut" | "signedIn";

/** The state of a session, for its watchers. */
export interface Watch {
  state(): SessionState;
  subscribe(listener: (state: SessionState) => void): () => void;
  /** Says that the session can be asked from now on. */
  bound(): void;
}

/**
 * Follows the state of a session by its events. The first watcher makes it ask for a
 * token, which finds out whether somebody is signed in.
 *
 * @param signIn identifies the sign-in whose session is kept, empty without one
 *
 * @internal
 */
export function watchState(
  emitter: Emitter,
  token: () => Promise<unknown>,
  signIn: () => string,
): Watch {
  const watchers = new Set<(state: SessionState) => void>();
  let state: SessionState = "unknown";
  let told = "";
  let bound = false;
  let asked = false;
  let asking = false;
  const move = (next: SessionState) => {
    const by = next === "signedIn" ? signIn() : "";
    if (next !== state || by !== told) {
      state = next;
      told = by;
      for (const watcher of watchers) {
        watcher(state);
      }
    }
  };
  for (const name of ["signedIn", "tokenRefreshed"] as const) {
    // What is found in the store may be over: the answer tells.
    emitter.on(name, () => void (asking || move("signedIn")));
  }
  for (const name of ["signedOut", "sessionExpired"] as const) {
    emitter.on(name, () => move("signedOut"));
  }
  const ask = () => {
    if (bound && !asked && state === "unknown") {
      asked = true;
      asking = true;
      token()
        .then(
          () => move("signedIn"),
          (e) => {
            if (isUnauthenticated(e)) {
              move("signedOut");
            } else if (signIn()) {
              move("signedIn");
            }
          },
        )
        .finally(() => {
          asking = false;
        });
    }
  };
  return {
    state: () => state,
    subscribe(listener) {
      const watcher = (s: SessionState) => listener(s);
      watchers.add(watcher);
      watcher(state);
      ask();
      return () => void watchers.delete(watcher);
    },
    bound() {
      bound = true;
      if (watchers.size > 0) {
        ask();
      }
    },
  };
}
