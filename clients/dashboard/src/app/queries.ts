import { isOffline, OpenWearablesError } from "@openwearables/sdk";
import {
  MutationCache,
  notifyManager,
  onlineManager,
  type Query,
  QueryCache,
  QueryClient,
  type QueryKey,
} from "@tanstack/react-query";

/**
 * What was read. The transport repeats what failed for a moment, so that queries do not.
 * While the server is out of reach, queries wait, and go on by themselves.
 */
export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: lost }),
  mutationCache: new MutationCache({ onError: lost }),
  defaultOptions: {
    queries: { retry: false, staleTime: 10_000 },
    mutations: { retry: false },
  },
});

// What changes is shown in the same frame: a switch that is turned does not fall back meanwhile.
notifyManager.setScheduler(queueMicrotask);

/**
 * Changes what was read, in every query whose key begins with this one. Reads that are under
 * way end: their answers may be older than the change.
 */
export function change<T>(queryKey: QueryKey, to: (old: T) => T): void {
  const filters = { queryKey, predicate: ({ state }: Query) => state.data !== undefined };
  void queries.cancelQueries(filters);
  queries.setQueriesData<T>(filters, (old) => old && to(old));
}

/** Returns the SDK's error of what a call threw. */
export function errorOf(thrown: unknown): OpenWearablesError | undefined {
  const { cause } = Object(thrown) as { cause?: unknown };
  return [thrown, cause].find((e) => e instanceof OpenWearablesError);
}

/** Notices that the server is out of reach, and asks it until it answers. */
export function lost(error: unknown): void {
  const foreign = errorOf(error)?.reason === "foreign_answer"; // a proxy before it answered
  if (!isOffline(error) && !foreign) return;
  onlineManager.setOnline(false);
  probe();
}

const probeEvery = 2_000;
let probing = 0;

function probe(delay = probeEvery): void {
  window.clearTimeout(probing);
  probing = window.setTimeout(async () => {
    const up = await fetch("/livez", { cache: "no-store" }).then(
      (res) => res.ok,
      () => false,
    );
    if (up) onlineManager.setOnline(true);
    else probe();
  }, delay);
}

// In place of the manager's own: the network may be back before the server is.
onlineManager.setEventListener((setOnline) => {
  const gone = () => {
    setOnline(false);
    probe();
  };
  const back = () => probe(0);
  window.addEventListener("offline", gone);
  window.addEventListener("online", back);
  return () => {
    window.removeEventListener("offline", gone);
    window.removeEventListener("online", back);
  };
});
