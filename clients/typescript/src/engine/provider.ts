import type { ExposedTokenPair, TokenPair } from "../pair.js";

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
