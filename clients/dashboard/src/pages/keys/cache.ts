import { createConnectQueryKey } from "@connectrpc/connect-query";
import {
  type GetKeyResponse,
  type Key,
  KeyService,
  type ListKeysResponse,
} from "@openwearables/sdk/connect";
import type { InfiniteData } from "@tanstack/react-query";
import { change, queries } from "../../app/queries";

const lists = createConnectQueryKey({ schema: KeyService.method.listKeys, cardinality: undefined });
const one = (id: string) =>
  createConnectQueryKey({ schema: KeyService.method.getKey, input: { id }, cardinality: "finite" });

/** Shows a key as it is, or as it will be, wherever it is shown. */
export function showKey(key: Key): void {
  change<GetKeyResponse>(one(key.id), (old) => ({ ...old, key }));
  change<InfiniteData<ListKeysResponse> | ListKeysResponse>(lists, (old) => {
    if (!("pages" in old)) return old;
    const put = (of: Key) => (of.id === key.id ? key : of);
    return { ...old, pages: old.pages.map((page) => ({ ...page, keys: page.keys.map(put) })) };
  });
}

/** Reads the lists of keys again, and one key. */
export function readKeys(id?: string): void {
  void queries.invalidateQueries({ queryKey: lists });
  if (id) void queries.invalidateQueries({ queryKey: one(id) });
}

/** Forgets a key that is gone. */
export function dropKey(id: string): void {
  queries.removeQueries({ queryKey: one(id) });
  readKeys();
}
