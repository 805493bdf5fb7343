import { Button } from "../parts/Button";
import { Dialog, DialogEnd } from "../parts/Dialog";
import { useLeaving } from "./guard";

/** Asks before a form is left that was not sent. */
export function LeaveDialog() {
  const waiting = useLeaving();
  return (
    <Dialog
      open={waiting !== undefined}
      onClose={() => waiting?.stay()}
      title="Leave without saving?"
      size="small"
    >
      <p>What you changed on this page is not saved yet.</p>
      <DialogEnd>
        <Button onClick={() => waiting?.leave()}>Leave</Button>
        <Button kind="primary" onClick={() => waiting?.stay()}>
          Stay
        </Button>
      </DialogEnd>
    </Dialog>
  );
}
