import { failure, OpenWearablesError, withWait } from "../error.js";
import type { ExposedTokenPair, TokenPair } from "../pair.js";
import type { Signal } from "../types.js";
import { type Core, startCooldown } from "./core.js";

/** What a token provider is called with. */
export interface TokenRequest {
  /** The `userId` of the session options, if any. */
  userId: string | undefined;
  /** `signed_out` when nobody is signed in, else the server's reason for ending the session. */
  reason: string;
  /** Aborts when the result would come too late. */
  signal: Signal;
}

/**
 * Fetches a token pair from the app's own backend. It is called when nobody is
 * signed in and when the server has ended the session, never twice at once. A
 * SignInRequiredError ends the session; any other error keeps it.
 */
export type TokenProvider = (
  request: TokenRequest,
) => Promise<TokenPair | ExposedTokenPair> | TokenPair | ExposedTokenPair;

/** Returns the error of a provider that failed, and starts a cooldown. @internal */
export function providerError(
  core: Core,
  { own, asksPerson }: { own?: boolean; asksPerson?: boolean },
  cause: unknown,
): OpenWearablesError {
  if (own && cause instanceof OpenWearablesError) {
    const again = asksPerson && cause.kind === "unauthenticated";
    return again ? cause : startCooldown(core, cause);
  }
  const why = cause instanceof Error && cause.message ? `: ${cause.message}` : "";
  const message = `the token provider failed${why}`;
  const error = failure("unavailable", message, "token_provider_failed", cause);
  const asked = cause instanceof OpenWearablesError ? cause.retryAfterMs : 0;
  return startCooldown(core, asked ? withWait(error, asked) : error);
}
