import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { letGo } from "./guard";
import { LoginForm } from "./LoginForm";
import { logOut } from "./session";

/** Over a form that must not be lost, when the session ended. */
export default function Relogin() {
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
