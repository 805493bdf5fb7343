import { useMutation } from "@connectrpc/connect-query";
import { type Key, KeyService } from "@openwearables/sdk/connect";
import { useUnsaved } from "../../app/guard";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";
import { toast } from "../../parts/Toast";
import { toDate } from "../../parts/time";
import { readKeys, showKey } from "./cache";
import { checkKey, KeyFields, type KeyValues, toRequest } from "./KeyFields";

/** Changes what a key may do, from where and until when. */
export function EditKey({ of, onEnd }: { of: Key; onEnd: () => void }) {
  const update = useMutation(KeyService.method.updateKey);
  const initial: KeyValues = {
    name: of.name,
    scopes: of.scopes,
    expiry: of.expiresAt ? "on" : "never",
    expiresAt: of.expiresAt ? toDate(of.expiresAt) : null,
    allowedNetworks: of.allowedNetworks.join("\n"),
  };
  const form = useForm({
    initial,
    check: checkKey,
    async submit(values) {
      const { key } = await update.mutateAsync({
        id: of.id,
        ...toRequest(values),
        updateMask: { paths: changed(initial, values) },
      });
      if (key) showKey(key);
      readKeys();
      onEnd();
      toast({ text: "Key saved" });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Save" busy="Saving…" onCancel={onEnd} focus>
      <TextField label="Name" required maxLength={100} {...form.field("name")} />
      <KeyFields form={form} />
    </Form>
  );
}

/** Names what was changed, as the API does, so that nothing else is written. */
function changed(before: KeyValues, after: KeyValues): string[] {
  const differs = (...names: (keyof KeyValues)[]) =>
    names.some((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return [
    differs("name") && "name",
    differs("scopes") && "scopes",
    differs("expiry", "expiresAt") && "expires_at",
    differs("allowedNetworks") && "allowed_networks",
  ].filter((path) => path !== false);
}
