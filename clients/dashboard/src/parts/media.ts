import { useSyncExternalStore } from "react";

const phone = window.matchMedia("(max-width: 48rem)");

function watch(change: () => void): () => void {
  phone.addEventListener("change", change);
  return () => phone.removeEventListener("change", change);
}

/** Reports whether the page is as narrow as on a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(watch, () => phone.matches);
}
