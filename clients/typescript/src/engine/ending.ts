import type { Context } from "./context.js";
import type { Ending } from "./core.js";
import type { Session, SessionRecord } from "./record.js";

/** Clears the store of s if s is the session that ended while the store failed. */
export function clearEnded(context: Context, s: Session): Promise<undefined> | undefined {
  const { ended } = context.core;
  return ended && covers(ended, s.record) ? clear(context, ended, s) : undefined;
}

/**
 * Reports whether a record is of the session that ended. A stub tells no time and counts
 * as old: of a later sign-in the other tab has sent the token.
 */
function covers({ id, unread = -Infinity }: Ending, record: SessionRecord): boolean {
  return record.id === id || record.saved_at - record.skew <= unread;
}

async function clear({ store, rpc }: Context, { id }: Ending, s: Session): Promise<undefined> {
  const cleared = await store.swap(undefined, s.raw).catch(() => false);
  if (cleared && s.record.id !== id) {
    rpc.discard(s); // the sign-out could not read it
  }
}
