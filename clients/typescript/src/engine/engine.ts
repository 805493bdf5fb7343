import { unless } from "../clock.js";
import { canceled, type OpenWearablesError, signedOut, storageError, toError } from "../error.js";
import type { ExposedTokenPair, TokenPair } from "../pair.js";
import { isHidden } from "../resume.js";
import type { TokenRpc } from "../rpc.js";
import { Place, type Store } from "../store/store.js";
import type { Core } from "./core.js";
import type { Emitter } from "./event.js";
import { Renewal, superseded } from "./flight.js";
import { openSession, type Session, unstored } from "./record.js";

/** Why a token provider is asked. */
export interface TokenRequest {
  /** The user of the session options, if any. */
  userId: string | undefined;
  /** `signed_out` when nobody is signed in, else the server's reason for ending the session. */
  reason: string;
  /** Ends when the answer would come too late. */
  signal: AbortSignal;
}

/**
 * Fetches a token pair from the app's own backend. It is asked when nobody is
 * signed in and when the server has ended the session, never twice at once. If it
 * throws SignInRequiredError the session is over; any other error keeps it.
 */
export type TokenProvider = (
  request: TokenRequest,
) => Promise<TokenPair | ExposedTokenPair> | TokenPair | ExposedTokenPair;

/** What an engine may do beside keeping what the app gives it. */
export interface EngineOptions {
  provider?: TokenProvider | undefined;
  userId?: string | undefined;
  /** It uses what the store holds and renews nothing. */
  readOnly?: boolean;
}

/** Keeps a session's tokens fresh for one client. */
export class Engine {
  readonly place: Place;
  /** Ends when the engine is disposed of. */
  readonly over = new AbortController();

  constructor(
    readonly core: Core,
    store: Store,
    readonly rpc: TokenRpc,
    readonly emitter: Emitter,
    readonly options: EngineOptions = {},
  ) {
    this.place = new Place(store);
    core.audience.add(emitter);
    store.watch?.(() => void this.#adopt(), this.over.signal);
  }

  /**
   * Returns a session whose access token can be sent and is not refused, the one
   * that the server refused. The caller leaves by its signal; the work goes on.
   */
  async token(refused = "", signal?: AbortSignal): Promise<Session> {
    for (;;) {
      this.#check();
      const { core } = this;
      let s = core.session;
      if (!core.usable(s, refused)) {
        s = await unless(signal, this.#join(refused)).catch((e) => {
          if (e !== superseded) {
            throw e;
          }
          return undefined;
        });
      }
      if (s && s.record.access_token !== refused) {
        this.#renewBehind(s);
        return s;
      }
    }
  }

  /** Starts a flight that nobody waits for where s is due, unless one failed a moment ago. */
  #renewBehind(s: Session): void {
    const { core, options } = this;
    const due = core.due(s) && core.usable(s, "");
    if (due && !isHidden() && !options.readOnly && !core.cooling()) {
      this.#join();
    }
  }

  /** Returns the flight under way, or starts one. */
  #join(refused = ""): Promise<Session> {
    const { core } = this;
    if (!core.flight) {
      core.flight = new Renewal(this, refused).fly().finally(() => {
        core.flight = undefined;
      });
      core.flight.catch(() => {}); // perhaps nobody waits
    }
    return core.flight;
  }

  /** Takes over what another tab or process stored. */
  async #adopt(): Promise<void> {
    if (!this.core.flight && this.core.session) {
      const r = new Renewal(this, "");
      await r.load().catch(() => {});
      r.tell();
    }
  }

  /** Checks once after a sleep, which may have been long and without a network. */
  wake(): void {
    this.core.online();
    if (this.core.session) {
      this.#join();
    }
  }

  /** Makes s the session in place of any other, and stores it. Never fails: see storageError. */
  async signIn(s: Session): Promise<void> {
    this.#check();
    const { core } = this;
    const generation = core.supersede(s);
    const { before, error } = await this.#overwrite(s.raw);
    core.emit("signedIn", { other: false });
    if (error) {
      core.publish(generation, unstored(s, before, core.now));
      core.emit("storageError", { error });
    }
  }

  /** Forgets the session at once, clears the store, and ends the session at the server. */
  async signOut(): Promise<void> {
    this.#check();
    const { core } = this;
    const tokens = new Set([this.rpc.standing, core.session?.record.refresh_token]);
    const ended = { id: core.session?.record.id, error: signedOut() };
    core.supersede(undefined, ended);
    let { before, error: failed } = await this.#overwrite(undefined);
    if (before) {
      try {
        const s = openSession(core.base, before, core.clock);
        ended.id = s.record.id;
        tokens.add(s.record.refresh_token);
      } catch {
        // not ours to revoke
      }
    }
    core.emit("signedOut", { other: false });
    for (const token of tokens) {
      if (token) {
        await this.rpc.revoke(token).catch((e) => {
          failed ??= toError(e);
        });
      }
    }
    if (failed) {
      throw failed;
    }
  }

  /**
   * Stops what goes on and listens to nothing any more. The store keeps the
   * session; a renewal that was under way is the same one when it is repeated.
   */
  dispose(): void {
    this.over.abort(superseded);
    this.core.audience.delete(this.emitter);
  }

  #check(): void {
    if (this.over.signal.aborted) {
      throw canceled("the session was disposed of");
    }
  }

  /** Makes raw (undefined: nothing) what the store holds, whatever is there. */
  async #overwrite(
    raw: string | undefined,
  ): Promise<{ before?: string | undefined; error?: OpenWearablesError }> {
    let before: string | undefined;
    try {
      for (let i = 0; i < 16; i++) {
        before = await this.place.load();
        if (await this.place.swap(raw, before)) {
          return { before };
        }
      }
      throw new Error("others keep writing to it");
    } catch (e) {
      return { before, error: storageError(e) };
    }
  }
}
