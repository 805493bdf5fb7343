import { invalid, type OpenWearablesError } from "./error.js";
import type { Secret } from "./secret.js";

/**
 * A token pair in plain text, in the form of the REST API. An app's backend sends it
 * to its app.
 */
export interface ExposedTokenPair {
  access_token: string;
  token_type?: string;
  refresh_token?: string | null;
  /** Seconds until the access token expires. */
  expires_in: number;
}

/**
 * An access token and the refresh token that renews it. Printing it shows no secret;
 * a backend sends expose() to its app.
 */
export class TokenPair {
  readonly access: Secret;
  /** Undefined if only a token provider can renew the session. */
  readonly refresh: Secret | undefined;
  readonly expiresInSeconds: number;

  constructor(access: Secret, refresh: Secret | undefined, expiresInSeconds: number) {
    this.access = access;
    this.refresh = refresh;
    this.expiresInSeconds = expiresInSeconds;
  }

  /** Returns the pair in plain text, ready to be encoded as JSON. */
  expose(): ExposedTokenPair {
    return {
      access_token: this.access.reveal(),
      token_type: "bearer",
      ...(this.refresh && { refresh_token: this.refresh.reveal() }),
      expires_in: this.expiresInSeconds,
    };
  }
}

/** A token pair inside the SDK. `refresh` is empty if there is none; `ttl` is in seconds. */
export interface Pair {
  access: string;
  refresh: string;
  ttl: number;
}

/** Reads a pair that the app supplied. @throws OpenWearablesError of kind `invalid` */
export function readPair(from: TokenPair | ExposedTokenPair): Pair {
  const { expose } = Object(from) as Partial<TokenPair>;
  const p: Partial<ExposedTokenPair> = expose ? expose.call(from as TokenPair) : Object(from);
  const pair: Pair = {
    access: p.access_token ?? "",
    refresh: p.refresh_token ?? "",
    ttl: Number(p.expires_in),
  };
  const bad = pairError(pair);
  if (bad) {
    throw bad;
  }
  return pair;
}

/** Returns the error of a pair that can never work, undefined for any other. */
export function pairError(p: Pair): OpenWearablesError | undefined {
  const { access, refresh, ttl } = p;
  const whole = access && typeof access === "string" && typeof refresh === "string";
  if (!(whole && ttl > 0 && ttl < 1e9)) {
    return invalid(
      "the token pair must have access_token, refresh_token, and expires_in in seconds",
    );
  }
  return credentialError(access) ?? credentialError(refresh);
}

/** Returns the error of a credential that contains a scheme or cannot stand in a header. */
export function credentialError(credential: string): OpenWearablesError | undefined {
  if (/^bearer( |$)/i.test(credential)) {
    return invalid('give the bare credential, without "Bearer "');
  }
  if (!/^[!-~]*$/.test(credential)) {
    return invalid("the credential has a space, a line break or another character that none has");
  }
  return undefined;
}
