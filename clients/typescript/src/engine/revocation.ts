import { behindCalls } from "../base.js";
import { systemClock } from "../clock.js";
import { type OpenWearablesError, toError } from "../error.js";
import { judge, maxCooldown } from "./verdict.js";

/** A session that is over here and not yet at the server. */
interface Revocation {
  readonly base: string;
  readonly token: string;
  /** Makes one attempt. */
  readonly revoke: () => Promise<void>;
  /** How many attempts failed in a row behind calls that succeeded. */
  failures: number;
  /** When the next attempt may be made, on the monotonic clock. */
  notBefore: number;
}

/** They belong to the page or process, since the session that signed out may be gone. */
const pending = new Set<Revocation>();

/**
 * Keeps a refresh token whose revocation failed, to revoke it later, unless trying again
 * would not help. Of more than 64 the oldest is forgotten, and ends when it expires.
 */
export function postpone(
  base: string,
  token: string,
  failed: unknown,
  revoke: () => Promise<void>,
): void {
  const most = 64;
  const error = toError(failed);
  if (!mayHelp(error)) {
    return;
  }
  forget(base, token);
  const notBefore = systemClock.mono() + Math.min(error.retryAfterMs, maxCooldown);
  pending.add({ base, token, revoke, failures: 0, notBefore });
  behindCalls.add(revokeRest);
  for (const oldest of pending) {
    if (pending.size <= most) {
      break;
    }
    pending.delete(oldest);
  }
}

/** Forgets a refresh token. Reports whether it was still to be revoked. */
export function forget(base: string, token: string): boolean {
  for (const r of pending) {
    if (r.base === base && r.token === token) {
      return pending.delete(r);
    }
  }
  return false;
}

/**
 * Revokes what could not be revoked at a base URL, which can be reached again. After a
 * failure it waits for 3 s, doubling up to a minute, or as long as the server asks.
 */
export async function revokeRest(base: string): Promise<void> {
  const now = systemClock.mono();
  const due = [...pending].filter((r) => r.base === base && now >= r.notBefore);
  for (const r of due) {
    r.notBefore = Infinity; // no other round takes it
  }
  for (const r of due) {
    const error = await r.revoke().catch(toError);
    if (error && mayHelp(error)) {
      delay(due, error, r.failures);
      return;
    }
    pending.delete(r);
  }
}

function delay(due: Revocation[], error: OpenWearablesError, failures: number): void {
  const ms = Math.min(Math.max(error.retryAfterMs, 3_000 * 2 ** failures), maxCooldown);
  for (const r of due) {
    r.failures = failures + 1;
    r.notBefore = systemClock.mono() + ms;
  }
}

/** Reports whether trying again may help: a captive portal's 401 says nothing, for example. */
function mayHelp(error: OpenWearablesError): boolean {
  return ["transient", "doubtful"].includes(judge(error));
}
