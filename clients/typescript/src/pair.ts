import { invalid, type OpenWearablesError } from "./error.js";
import type { Secret } from "./secret.js";

/**
 * A token pair in plain text, in the shape that the REST API answers and that
 * an app's backend hands to its app.
 */
export interface ExposedTokenPair {
  access_token: string;
  token_type?: string;
  refresh_token?: string | null;
  /** Seconds until the access token expires. */
  expires_in: number;
}

/**
 * An access token and the refresh token that renews it. It does not print; a
 * backend hands it to its app by expose().
 */
export class TokenPair {
  readonly access: Secret;
  /** Missing where only a token provider can renew. */
  readonly refresh: Secret | undefined;
  readonly expiresInSeconds: number;

  constructor(access: Secret, refresh: Secret | undefined, expiresInSeconds: number) {
    this.access = access;
    this.refresh = refresh;
    this.expiresInSeconds = expiresInSeconds;
  }

  /** Returns the pair in plain text, to be encoded for the app that will use it. */
  expose(): ExposedTokenPair {
    return {
      access_token: this.access.reveal(),
      token_type: "bearer",
      ...(this.refresh && { refresh_token: this.refresh.reveal() }),
      expires_in: this.expiresInSeconds,
    };
  }
}

/** A pair in use: `refresh` is empty where there is none. */
export interface Pair {
  access: string;
  refresh: string;
  ttl: number;
}

/** Reads a pair that came from outside. @throws OpenWearablesError of kind `invalid` */
export function readPair(from: TokenPair | ExposedTokenPair): Pair {
  const p: Partial<ExposedTokenPair> = from instanceof TokenPair ? from.expose() : Object(from);
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

/** What makes a pair one that can never work. */
export function pairError(p: Pair): OpenWearablesError | undefined {
  if (typeof p.access !== "string" || typeof p.refresh !== "string" || !p.access) {
    return invalid("the token pair must have access_token, refresh_token and expires_in");
  }
  if (!(p.ttl > 0 && p.ttl < 1e9)) {
    return invalid("the token pair's expires_in must be a positive number of seconds");
  }
  return credentialError(p.access) ?? credentialError(p.refresh);
}

/** Refuses a credential that carries its scheme, or what cannot stand in a header. */
export function credentialError(credential: string): OpenWearablesError | undefined {
  if (/^bearer( |$)/i.test(credential)) {
    return invalid(
      'give the bare credential, without "Bearer ": the scheme is added when it is sent',
    );
  }
  if (!/^[!-~]*$/.test(credential)) {
    return invalid(
      "the credential contains a space, a line break or another character that no credential has",
    );
  }
  return undefined;
}
