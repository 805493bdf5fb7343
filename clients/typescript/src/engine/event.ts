import type { OpenWearablesError } from "../error.js";

/** What happened to a session or an API key. `other`: another tab or process did it. */
export interface Events {
  signedIn: { other: boolean };
  tokenRefreshed: { other: boolean };
  /** A renewal failed; `willRetry`: it goes on. The session stays. */
  refreshFailed: { willRetry: boolean; error: OpenWearablesError };
  /** The server ended the session; once for each. `reason` is the server's. */
  sessionExpired: { reason: string };
  signedOut: { other: boolean };
  /** The store failed. The session lives on in memory and is saved again. */
  storageError: { error: OpenWearablesError };
  /** The API key in use was rotated and ends at `sunset`: replace it. */
  keyRotated: { sunset: Date };
}

export type EventName = keyof Events;
export type Listener<N extends EventName> = (event: Events[N]) => void;

/** Hands events to listeners in order, after the code that emits them is done. */
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
