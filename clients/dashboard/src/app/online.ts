import { onlineManager } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

const subscribe = (watcher: () => void) => onlineManager.subscribe(watcher);
const isOnline = () => onlineManager.isOnline();

/** Whether the server is in reach, as far as is known. */
export function useOnline(): boolean {
  return useSyncExternalStore(subscribe, isOnline);
}
