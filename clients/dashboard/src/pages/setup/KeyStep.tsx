import { useMutation } from "@connectrpc/connect-query";
import { KeyService } from "@openwearables/sdk/connect";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";

/** A key with its secret, which is kept nowhere else. */
export interface NewKey {
  id: string;
  secret: string;
}

/** Creates a key. */
export function KeyStep({
  onBegun,
  onMade,
}: {
  onBegun: () => void;
  onMade: (made: NewKey) => void;
}) {
  const create = useMutation(KeyService.method.createKey, { gcTime: 0 });
  const form = useForm({
    initial: { name: "My first key" },
    check: ({ name }) => ({ name: name.trim() ? "" : "Give the key a name." }),
    async submit({ name }) {
      onBegun();
      const { key, secret } = await create.mutateAsync({ name });
      create.reset();
      if (key) onMade({ id: key.id, secret });
    },
  });
  return (
    <Form form={form} verb="Create key" busy="Creating…" wide focus>
      <TextField label="Name" maxLength={100} required {...form.field("name")} />
    </Form>
  );
}
