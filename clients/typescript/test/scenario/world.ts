import { keyAuth } from "../../src/auth.js";
import { type Client, createClient } from "../../src/client.js";
import type { ExposedTokenPair } from "../../src/pair.js";

/** The URL of a server and a credential with all permissions that a scenario needs. */
export interface World {
  server: string;
  developerToken: string;
}

/** A user of the server and its session. */
export interface Person {
  id: string;
  pair: ExposedTokenPair;
}

/** Returns a client with a static access token. */
export function direct(base: string, access: string): Client {
  return createClient({ baseUrl: base, auth: keyAuth(access) });
}

export async function newPerson(dev: Client): Promise<Person> {
  const user = await dev.users.create({ externalUserId: `u-${crypto.randomUUID()}` });
  return { id: user.id, pair: (await dev.tokens.create(user.id)).expose() };
}

/** Returns a stored session that looks as old as age says. Its token pair is new. */
export function storedRecord(base: string, pair: ExposedTokenPair, age: string): string {
  const ttl = pair.expires_in;
  const gone = { fresh: 0, expiring: ttl - 40, expired: ttl + 60 }[age] ?? 0;
  const saved = Date.now() - gone * 1000;
  return JSON.stringify({
    version: 1,
    base_url: base,
    id: `seed${crypto.randomUUID()}`,
    access_token: pair.access_token,
    refresh_token: pair.refresh_token,
    retry_key: crypto.randomUUID(),
    ttl,
    expires_at: saved + ttl * 1000,
    saved_at: saved,
    skew: 0,
  });
}

/** Returns the subject of an access token, empty if there is none. */
export function subject(token: string | undefined): string {
  const payload = token?.split(".")[1];
  if (!payload) {
    return "";
  }
  return JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/"))).sub ?? "";
}
