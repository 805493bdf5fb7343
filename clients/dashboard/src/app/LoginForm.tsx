import { Form, useForm } from "../parts/Form";
import { PasswordField } from "../parts/PasswordField";
import { Said } from "../parts/problem";
import { TextField } from "../parts/TextField";
import { errorOf } from "./queries";
import { auth } from "./session";

/** Asks for the email and the password, and signs in. */
export function LoginForm() {
  const form = useForm({
    initial: { email: "", password: "" },
    check: ({ email, password }) => ({
      email: email.trim() ? "" : "Enter your email.",
      password: password ? "" : "Enter your password.",
    }),
    async submit(values) {
      try {
        await auth.login(values);
      } catch (e) {
        if (errorOf(e)?.reason === "invalid_credentials")
          throw new Said("Email or password is wrong.");
        throw e;
      }
    },
  });
  return (
    <Form form={form} verb="Log in" busy="Logging in…" wide focus>
      <TextField
        label="Email"
        type="email"
        autoComplete="username"
        required
        {...form.field("email")}
      />
      <PasswordField label="Password" {...form.field("password")} />
    </Form>
  );
}
