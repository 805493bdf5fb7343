import { isUnauthenticated } from "@openwearables/sdk/browser";
import { useActionState } from "react";
import { auth } from "./client.js";

/** Signs in, or returns what went wrong. Once it worked, useSession shows the users. */
async function login(_: object, form: FormData): Promise<{ email?: string; problem?: string }> {
  const email = String(form.get("email"));
  try {
    await auth.login({ email, password: String(form.get("password")) });
    return {};
  } catch (e) {
    const wrong = "The email or the password is wrong.";
    return { email, problem: isUnauthenticated(e) ? wrong : (e as Error).message };
  }
}

export function Login() {
  const [{ email, problem }, action, pending] = useActionState(login, {});
  return (
    <form className="card" action={action}>
      <label>
        Email
        <input name="email" type="email" defaultValue={email} autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit" disabled={pending}>
        {pending ? "Signing in…" : "Sign in"}
      </button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  );
}
