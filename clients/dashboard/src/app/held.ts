import { useRef } from "react";
import { isUnsaved } from "./guard";
import { useSession } from "./session";

/**
 * Whether the session ended while something was unsaved: the page stays then, below Relogin,
 * until the person is back or leaves.
 */
export function useHeld(): boolean {
  const state = useSession();
  const held = useRef(false);
  if (state !== "expired") held.current = false;
  else if (isUnsaved()) held.current = true;
  return held.current;
}
