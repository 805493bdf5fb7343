import { useMutation, useQuery } from "@connectrpc/connect-query";
import { type Key, KeyService, UsageService } from "@openwearables/sdk/connect";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { Dialog } from "../../parts/Dialog";
import type { MenuItem } from "../../parts/Menu";
import { plural } from "../../parts/number";
import { problem } from "../../parts/problem";
import { toast } from "../../parts/Toast";
import { relative, toDate } from "../../parts/time";
import { whereUsed } from "../credential/client";
import { RenameDialog } from "../credential/RenameDialog";
import { RotateDialog } from "../credential/RotateDialog";
import { dropKey, readKeys, showKey } from "./cache";
import { EditKey } from "./EditKey";

/** What is asked about a key. */
export interface Asked {
  key: Key;
  what: "rename" | "edit" | "rotate" | "delete" | "";
}

/** Returns what enables or disables a key: at once, with Undo, and back as it was if the server refuses. */
function useSwitch() {
  const update = useMutation(KeyService.method.updateKey);
  const turn = async (key: Key, enabled: boolean, back = false) => {
    showKey({ ...key, enabled });
    try {
      const { key: now } = await update.mutateAsync({ id: key.id, enabled });
      if (now) showKey(now);
      readKeys();
      const text = `${key.name} ${enabled ? "enabled" : "disabled"}`;
      toast(back ? { text } : { text, undo: () => void turn(now ?? key, !enabled, true) });
    } catch (error) {
      showKey(key);
      toast({ text: problem(error).sentence });
    }
  };
  return turn;
}

/** Returns the menu of a key; what needs an answer first is asked by KeyDialogs. */
export function useKeyMenu(ask: (asked: Asked) => void, first: "rename" | "edit" = "rename") {
  const turn = useSwitch();
  return (key: Key): MenuItem[] => [
    { label: first === "edit" ? "Edit…" : "Rename…", onAction: () => ask({ key, what: first }) },
    { label: "Rotate…", onAction: () => ask({ key, what: "rotate" }) },
    {
      label: key.enabled ? "Disable" : "Enable",
      onAction: () => void turn(key, !key.enabled),
    },
    { label: "Delete…", danger: true, onAction: () => ask({ key, what: "delete" }) },
  ];
}

interface KeyDialogsProps {
  asked: Asked | undefined;
  onEnd: () => void;
  onRotated: (key: Key) => void;
  onDeleted?: (() => void) | undefined;
}

/** The dialogs of a key. */
export function KeyDialogs({ asked, onEnd, onRotated, onDeleted }: KeyDialogsProps) {
  const rotate = useMutation(KeyService.method.rotateKey, { gcTime: 0 });
  const update = useMutation(KeyService.method.updateKey);
  const remove = useMutation(KeyService.method.deleteKey);
  if (!asked) return null;
  const { key, what } = asked;
  return (
    <>
      <RenameDialog
        open={what === "rename"}
        onClose={onEnd}
        name={key.name}
        rename={async (name) => {
          const { key: now } = await update.mutateAsync({ id: key.id, name });
          if (now) showKey(now);
        }}
      />
      <Dialog open={what === "edit"} onClose={onEnd} title="Edit key">
        <EditKey of={key} onEnd={onEnd} />
      </Dialog>
      <RotateDialog
        open={what === "rotate"}
        onClose={onEnd}
        name={key.name}
        label="API key"
        rotating={Boolean(key.overlap)}
        rotate={async (overlapSeconds) => {
          const { key: now, secret } = await rotate.mutateAsync({ id: key.id, overlapSeconds });
          rotate.reset();
          if (now) showKey(now);
          readKeys();
          return secret;
        }}
        onDone={() => {
          onEnd();
          onRotated(key);
        }}
      />
      <ConfirmByName
        open={what === "delete"}
        onClose={onEnd}
        title={`Delete ${key.name}?`}
        name={key.name}
        verb="Delete key"
        busy="Deleting…"
        onConfirm={async () => {
          await remove.mutateAsync({ id: key.id });
          onDeleted?.();
          dropKey(key.id);
          toast({ text: `${key.name} deleted` });
        }}
      >
        <Breaks of={key} />
      </ConfirmByName>
    </>
  );
}

/** Says what a key is used for now, and so what breaks without it. */
function Breaks({ of }: { of: Key }) {
  const { data } = useQuery(UsageService.method.getKeyUsage, { id: of.id, resolution: "minute" });
  const requests = data?.usage?.totals?.requests;
  if (!of.lastUsedAt) return <p>It was never used. This cannot be undone.</p>;
  const last = `last ${relative(toDate(of.lastUsedAt))} from ${whereUsed(of)}`;
  return (
    <>
      <p>
        {requests === undefined
          ? `It was used, ${last}.`
          : `It was used for ${plural(requests, "request")} in the last hour, ${last}.`}{" "}
        Such requests will be refused, and user tokens that it made end.
      </p>
      <p>This cannot be undone. To try whether anything needs it, disable it first.</p>
    </>
  );
}
