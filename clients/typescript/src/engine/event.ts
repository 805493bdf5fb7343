import type { OpenWearablesError } from "../error.js";

/** The events of a session or an API key. `other`: another tab or process caused it. */
export interface Events {
  signedIn: { other: boolean };
  tokenRefreshed: { other: boolean };
  /** An attempt to renew failed; `willRetry`: another one follows. The session stays. */
  refreshFailed: { willRetry: boolean; error: OpenWearablesError };
  /** The server ended the session. Emitted once for each session, with the server's reason. */
  sessionExpired: { reason: string };
  signedOut: { other: boolean };
  /** The store failed. The session stays in memory, and saving is tried again. */
  storageError: { error: OpenWearablesError };
  /** The API key was rotated and stops working at `sunset`: replace it. */
  keyRotated: { sunset: Date };
}

export type EventName = keyof Events;
export type Listener<N extends EventName> = (event: Events[N]) => void;

/** Calls listeners in the order of the events, after the emitting code has returned. */
export interface Emitter {
  on<N extends EventName>(name: N, listener: Listener<N>): () => void;
  emit<N extends EventName>(name: N, event: Events[N]): void;
}

export function createEmitter(): Emitter {
  const all = new Set<[name: EventName, listener: (event: never) => void]>();
  return {
    on(name, listener) {
      const added: [EventName, typeof listener] = [name, listener];
      all.add(added);
      return () => all.delete(added);
    },
    emit(name, event) {
      for (const [of, listener] of all) {
        if (of === name) {
          Promise.resolve(event as never)
            .then(listener)
            .catch(console.error);
        }
      }
    },
  };
}
