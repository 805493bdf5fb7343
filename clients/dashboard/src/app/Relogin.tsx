import { useRef } from "react";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { isUnsaved, letGo } from "./guard";
import { LoginForm } from "./LoginForm";
import { logOut, useSession } from "./session";

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

/** Over a form that must not be lost, when the session ended. */
export function Relogin() {
  const leave = () => {
    letGo();
    void logOut();
  };
  return (
    <Dialog open onClose={() => {}} title="Your session ended" dismissable={false} size="small">
      <p className="quiet">Log in to go on where you were. What you typed is still here.</p>
      <LoginForm />
      <Button kind="quiet" wide onClick={leave}>
        Leave this page
      </Button>
    </Dialog>
  );
}
