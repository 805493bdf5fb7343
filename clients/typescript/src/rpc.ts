import type { Bare, Sending } from "./base.js";
import { type Clock, sleep, startDeadline } from "./clock.js";
import {
  newSession,
  type Owner,
  randomKey,
  type Session,
  type SessionRecord,
} from "./engine/record.js";
import { postpone } from "./engine/revocation.js";
import { attemptTimeout, backoff } from "./engine/verdict.js";
import { invalidResponse, toError } from "./error.js";
import { type Pair, pairError } from "./pair.js";
import { isRetryable } from "./retry.js";
import { type TokenPair as Message, sessionService } from "./schema/schema.js";
import type { GuardedStore } from "./store/store.js";

/** Requests a token pair. */
type PairRequest = (
  sending: Sending,
) => Promise<[answer: { tokens: Message | null }, headers: Headers]>;

/**
 * The calls that return tokens. They use a bare transport, which adds no credential
 * and no retry of its own.
 */
export class TokenRpc {
  /** Stands for a refresh token that only the browser knows, in a cookie. */
  readonly placeholder: string | undefined;
  readonly bare: Bare;
  readonly #owner: Owner;

  constructor(bare: Bare, base: string, clock: Clock, user = "") {
    this.#owner = { base, user, clock };
    this.bare = bare;
  }

  /** Makes one attempt to renew a session. */
  async refresh(s: Session, signal: AbortSignal): Promise<Session> {
    const { retry_key, refresh_token = "" } = s.record;
    return this.receive(s.record, retry_key, (sending) =>
      this.bare(
        sessionService("RefreshToken"),
        { refreshToken: refresh_token },
        { ...sending, signal },
      ),
    );
  }

  /** Revokes the session of a refresh token. */
  async revoke(token: string, attempts = 2): Promise<void> {
    const request = token ? { refreshToken: token } : {};
    for (let n = 1; ; n++) {
      try {
        await this.bare(sessionService("RevokeToken"), request, { timeoutMs: attemptTimeout });
        return;
      } catch (e) {
        const err = toError(e);
        if (n >= attempts || !isRetryable(err)) {
          throw err;
        }
        await sleep(backoff(n));
      }
    }
  }

  /** Makes one attempt to revoke a session that is over here; store is that of the session. */
  async revokeLater(token: string, _store: GuardedStore): Promise<void> {
    await this.revoke(token, 1);
  }

  /**
   * Revokes a session that was not stored, in the background. If that fails it is tried
   * again after a call that succeeds.
   */
  discard({ record }: Session): void {
    const { base_url, refresh_token: token } = record;
    if (token) {
      this.revoke(token).catch((e) => postpone(base_url, token, e, () => this.revoke(token, 1)));
    }
  }

  /**
   * Sends a request with an Idempotency-Key and resolves with the session of its
   * response, which has the same id and user and whose next renewal uses nextKey.
   */
  async receive(
    { id, user_id = "" }: Pick<SessionRecord, "id" | "user_id">,
    key: string,
    request: PairRequest,
    nextKey?: string,
  ): Promise<Session> {
    const { base, user, clock } = this.#owner;
    const asked = clock.mono();
    const [{ tokens }, headers] = await request({
      timeoutMs: attemptTimeout,
      ...(key && { headers: { "Idempotency-Key": key } }),
    });
    const pair = this.pair(tokens);
    if (pairError(pair) || !pair.refresh) {
      throw invalidResponse("the response has no usable token pair");
    }
    const owner = { base, user: user || user_id, clock };
    return newSession(owner, id, pair, asked, Date.parse(headers.get("date") ?? ""), nextKey);
  }

  protected pair(m: Message | null): Pair {
    return {
      access: m?.accessToken.reveal() ?? "",
      refresh: m?.refreshToken?.reveal() ?? "",
      ttl: m?.expiresIn ?? 0,
    };
  }
}

/**
 * Signs a developer in within 30 s, with one Idempotency-Key for up to three attempts. If
 * the server asks to wait for longer, it fails at once.
 */
export async function login(
  parent: AbortSignal | undefined,
  attempt: (key: string, until: AbortSignal) => Promise<Session>,
): Promise<Session> {
  const key = randomKey();
  const { signal, left, done } = startDeadline(parent, 30_000);
  try {
    for (let n = 1; ; n++) {
      const answer = await attempt(key, signal).catch(toError);
      if ("raw" in answer) {
        return answer;
      }
      const pause = answer.retryAfterMs || backoff(n);
      if (n > 2 || !isRetryable(answer) || pause >= left()) {
        throw answer;
      }
      await sleep(pause, signal);
    }
  } finally {
    done();
  }
}
