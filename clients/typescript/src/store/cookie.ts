import { randomKey, type SessionRecord } from "../engine/record.js";
import type { Store } from "./store.js";
import { channel, tryIndexedDb } from "./web.js";

/** How long to wait for an access token from another tab, in milliseconds. */
const handoverTimeout = 250;

/** Stands in a record for the refresh token, which is in the browser's cookie. */
export const inCookie = "cookie";

/** What IndexedDB holds for a cookie session: no token, but the retry key of its renewals. */
interface Marker {
  serial: number;
  id: string;
  /** The same for all renewals of a sign-in; empty if tabs cannot share it. */
  key: string;
  out?: boolean;
}

interface Held {
  marker: string | undefined;
  record: string | undefined;
}

/**
 * Returns the store of a cookie session. The refresh token is in the cookie. The
 * access token is in the memory of the tabs, which exchange it over a
 * BroadcastChannel. IndexedDB holds the retry key, and a serial number that identifies
 * the newest access token. The key stays the same for all renewals of a sign-in,
 * because cookie and key cannot change in one step.
 */
export function cookieStore(base: string): Store {
  const name = `cookie:${base}`;
  const disk = tryIndexedDb(name);
  let held: Held = { marker: undefined, record: undefined };
  let peers: BroadcastChannel | undefined;
  let arrived = () => {};
  const adoptNewer = (h: Held) => {
    if (serialOf(h.marker) > serialOf(held.marker)) {
      held = h;
      arrived();
    }
  };
  const onMessage = ({ data }: MessageEvent) => {
    if (data.record) {
      adoptNewer(data);
    } else if (data.marker === held.marker && held.record) {
      peers?.postMessage(held);
    }
  };

  /**
   * Resolves with the record of a marker: from this tab, another one, or a stub without
   * a token.
   */
  const recordOf = async (marker: string): Promise<string> => {
    if (held.marker !== marker || !held.record) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
        setTimeout(resolve, peers ? handoverTimeout : 0);
        peers?.postMessage({ marker });
      });
      if (held.marker === marker && held.record) {
        return held.record;
      }
      held = { marker, record: stubRecord(base, JSON.parse(marker)) };
    }
    return held.record as string;
  };

  const swap = async (record: string | undefined, expected: string | undefined) => {
    const { disk: d, shared } = await disk;
    const before = await d.load();
    const known =
      expected === undefined
        ? isAbsent(before)
        : held.record === expected && held.marker === before;
    if (!known) {
      return false;
    }
    const marker = markerAfter(before, record, shared);
    const ok = await d.save(marker, before);
    if (ok) {
      held = { marker, record };
      if (record) {
        peers?.postMessage(held);
      }
    }
    return ok;
  };

  return {
    id: name,
    async load() {
      const { disk: d, shared } = await disk;
      const marker = (await d.load()) || (await firstMarker(d, shared));
      return isAbsent(marker) ? undefined : recordOf(marker);
    },
    save: (record, expected) => swap(record, expected),
    clear: (expected) => swap(undefined, expected),
    lock: async (signal) => (await disk).disk.lock?.(signal) ?? (() => {}),
    watch(changed, until) {
      peers = channel(`openwearables:${name}:token`, onMessage, until);
      until.addEventListener("abort", () => {
        peers = undefined;
      });
      void disk.then(({ disk: d }) => d.watch?.(changed, until));
    },
  };
}

/** Stores a first marker and resolves with it, or with the one that another tab stored first. */
async function firstMarker(disk: Store, shared: boolean): Promise<string> {
  // The browser may have evicted the marker and kept the cookie. Only a refresh can tell.
  const marker = JSON.stringify({ serial: 1, id: randomKey(), key: shared ? randomKey() : "" });
  const first = await disk.save(marker, undefined);
  return first ? marker : ((await disk.load()) ?? marker);
}

/** Returns the marker that follows before. Without a record it marks a sign-out. */
function markerAfter(
  before: string | undefined,
  record: string | undefined,
  shared: boolean,
): string {
  const r: Partial<SessionRecord> = record ? JSON.parse(record) : {};
  const next: Marker = {
    serial: serialOf(before) + 1,
    id: r.id ?? "",
    key: shared ? (r.retry_key ?? "") : "",
    ...(!record && { out: true }),
  };
  return JSON.stringify(next);
}

function serialOf(marker: string | undefined): number {
  return marker ? (JSON.parse(marker) as Marker).serial : 0;
}

function isAbsent(marker: string | undefined): boolean {
  return !marker || !!(JSON.parse(marker) as Marker).out;
}

function stubRecord(base: string, { id, key }: Marker): string {
  const record: SessionRecord = {
    version: 1,
    base_url: base,
    id,
    access_token: "unknown",
    refresh_token: inCookie,
    retry_key: key,
    ttl: 0,
    expires_at: 0,
    saved_at: 0,
    skew: 0,
  };
  return JSON.stringify(record);
}
