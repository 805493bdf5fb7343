import { type ExposedTokenPair, SignInRequiredError } from "@openwearables/sdk/browser";

/** Calls a route of examples/token-backend. */
async function post(route: string, body = {}, signal?: AbortSignal): Promise<unknown> {
  const res = await fetch(`/api/${route}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  if (res.status === 401) {
    throw new SignInRequiredError("nobody is signed in");
  }
  if (!res.ok) {
    throw new Error(`the backend answered ${res.status}`);
  }
  return res.json();
}

export const login = (name: string) => post("login", { name });
export const logout = () => post("logout");
export const fetchTokens = (signal?: AbortSignal) =>
  post("ow-token", {}, signal) as Promise<ExposedTokenPair>;
