import { useState } from "react";
import { linkToken } from "../../app/fragment";
import { errorOf } from "../../app/queries";
import { auth } from "../../app/session";
import { Banner } from "../../parts/Banner";
import { Form, useForm } from "../../parts/Form";
import { PasswordField } from "../../parts/PasswordField";
import { TextField } from "../../parts/TextField";

/** Creates the first developer, who is signed in then. */
export function DeveloperStep() {
  const [over, setOver] = useState(false);
  const form = useForm({
    initial: { email: "", password: "" },
    check: ({ email, password }) => ({
      email: email.trim() ? "" : "Enter your email.",
      password: password ? "" : "Choose a password.",
    }),
    async submit(values) {
      setOver(false);
      try {
        await auth.createFirstDeveloper({ ...values, token: linkToken() });
      } catch (e) {
        if (errorOf(e)?.reason !== "invalid_setup_token") throw e;
        setOver(true);
      }
    },
  });
  return (
    <>
      {over && (
        <Banner tone="bad">
          This setup link is no longer valid. It works once, for 24 hours, until a restart. Restart
          the server to get a new one.
        </Banner>
      )}
      <Form form={form} verb="Create developer" busy="Creating…" wide focus>
        <TextField
          label="Email"
          type="email"
          autoComplete="username"
          required
          {...form.field("email")}
        />
        <PasswordField label="Password" fresh {...form.field("password")} />
      </Form>
    </>
  );
}
