import { type CallOptions, createClient, type Transport } from "@connectrpc/connect";
import { type Clock, sleep } from "./clock.js";
import { badAnswer, newSession, randomKey, refreshOf, type Session } from "./engine/record.js";
import { attemptTimeout, backoff } from "./engine/verdict.js";
import { toError, unauthenticated } from "./error.js";
import { SessionService } from "./gen/openwearables/v1/session_pb.js";
import type { TokenPair as Message } from "./gen/openwearables/v1/token_pair_pb.js";
import { flaw, type Pair } from "./pair.js";
import { retryable } from "./retry.js";

export function pairOf(m: Message | undefined): Pair {
  return {
    access: m?.accessToken ?? "",
    refresh: m?.refreshToken ?? "",
    ttl: m?.expiresIn ?? 0,
  };
}

/**
 * The calls that tokens come from. They go over a bare transport: no credential
 * but their own, no retry but the ones here.
 */
export class TokenRpc {
  readonly #client;
  readonly #base: string;
  readonly #clock: Clock;

  constructor(
    bare: Transport,
    base: string,
    clock: Clock,
    readonly cookie: boolean,
  ) {
    this.#base = base;
    this.#clock = clock;
    this.#client = createClient(SessionService, bare);
  }

  /** One attempt to renew a session. */
  async refresh(s: Session, signal: AbortSignal): Promise<Session> {
    const { record } = s;
    const { cookie, retry_key: key } = record;
    return this.#receive(record.id, cookie ? key : undefined, key, async (options) => {
      try {
        const message = cookie ? {} : { refreshToken: refreshOf(s) };
        return (await this.#client.refreshToken(message, { ...options, signal })).tokens;
      } catch (e) {
        const err = toError(e);
        if (cookie && err.reason === "invalid_request") {
          throw unauthenticated("nobody is signed in", "signed_out"); // there is no cookie
        }
        throw err;
      }
    });
  }

  /** Signs a developer in; one Idempotency-Key for all attempts. */
  async login(email: string, password: string, signal: AbortSignal): Promise<Session> {
    const request = { email, password, useCookie: this.cookie };
    const key = randomKey();
    for (let n = 1; ; n++) {
      try {
        return await this.#receive(
          randomKey(),
          this.cookie ? randomKey() : undefined,
          key,
          async (options) => (await this.#client.login(request, { ...options, signal })).tokens,
        );
      } catch (e) {
        const err = toError(e);
        if (n > 2 || !retryable(err)) {
          throw err;
        }
        await sleep(err.retryAfterMs || backoff(n), signal);
      }
    }
  }

  /** Ends the session of a refresh token, trying twice. */
  async revoke(token: string, signal?: AbortSignal): Promise<void> {
    const request = this.cookie ? {} : { refreshToken: token };
    const options = { timeoutMs: attemptTimeout, ...(signal && { signal }) };
    try {
      await this.#client.revokeToken(request, options);
    } catch (e) {
      if (!retryable(toError(e))) {
        throw toError(e);
      }
      await sleep(backoff(1), signal);
      await this.#client.revokeToken(request, options).catch((e) => {
        throw toError(e);
      });
    }
  }

  async #receive(
    id: string,
    cookieKey: string | undefined,
    key: string,
    call: (options: CallOptions) => Promise<Message | undefined>,
  ): Promise<Session> {
    const asked = this.#clock.mono();
    let date: string | null = null;
    const pair = pairOf(
      await call({
        timeoutMs: attemptTimeout,
        ...(key && { headers: { "Idempotency-Key": key } }),
        onHeader: (h) => {
          date = h.get("date");
        },
      }),
    );
    if (flaw(pair) || (!pair.refresh && cookieKey === undefined)) {
      throw badAnswer();
    }
    return newSession(this.#base, id, pair, this.#clock, asked, Date.parse(date ?? ""), cookieKey);
  }
}
