import { useMutation, useQuery } from "@connectrpc/connect-query";
import { InstallationService, SessionService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Card } from "../../parts/Card";
import { Form, useForm } from "../../parts/Form";
import { PasswordField } from "../../parts/PasswordField";
import { toast } from "../../parts/Toast";
import { readSessions } from "./SessionsCard";

/** Changes the password, which ends every other session. */
export function PasswordCard() {
  // After a change the form begins anew: what was typed is nowhere any more.
  const [changes, setChanges] = useState(0);
  return (
    <Card title="Password" sub="A change logs you out everywhere else.">
      <Change key={changes} onChanged={() => setChanges(changes + 1)} />
    </Card>
  );
}

/** Returns the least length of a new password, once the server has told it. */
function useLeast(): number | undefined {
  const { data } = useQuery(InstallationService.method.getInstallation, {});
  const { value } = data?.installation?.settings.find((s) => s.name === "password-min") ?? {};
  return value === undefined ? undefined : Number(value);
}

function Change({ onChanged }: { onChanged: () => void }) {
  const change = useMutation(SessionService.method.changePassword, { gcTime: 0 });
  const least = useLeast();
  const form = useForm({
    initial: { currentPassword: "", newPassword: "", confirmPassword: "" },
    check: (values) => ({
      currentPassword: values.currentPassword ? "" : "Type your current password.",
      newPassword: values.newPassword ? "" : "Type a new password.",
      confirmPassword:
        values.confirmPassword === values.newPassword ? "" : "This is not the same password.",
    }),
    async submit(values) {
      await change.mutateAsync(values);
      change.reset();
      onChanged();
      readSessions();
      toast({ text: "Password changed. Other sessions were logged out." });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Change password" busy="Changing…" plain>
      <PasswordField label="Current password" {...form.field("currentPassword")} />
      <PasswordField label="New password" fresh least={least} {...form.field("newPassword")} />
      <PasswordField label="New password again" again {...form.field("confirmPassword")} />
    </Form>
  );
}
