import { api, type Stage } from "./stage.js";

/** A key with its secret. */
export interface Made {
  id: string;
  key: string;
}

/** As long as a name may be, with text from right to left. */
export const long = `${"A very long name of a service ".repeat(3)}אבגד`.slice(0, 100);

/** Creates a key by the API. */
export function createKey(stage: Stage, body: object): Promise<Made> {
  return api<Made>(stage, "POST", "/api-keys", body);
}

/** Makes requests with a secret, as a backend does. */
export async function use(
  stage: Stage,
  secret: string,
  { times = 1, client = "openwearables-go/0.1.0", path = "/users" } = {},
): Promise<number> {
  let status = 0;
  for (let n = 0; n < times; n++) {
    const headers = { Authorization: `Bearer ${secret}`, "User-Agent": client };
    const res = await fetch(`${stage.url}/api/v1${path}`, { headers });
    await res.arrayBuffer();
    status = res.status;
  }
  return status;
}

/** The row of a table in which a text is. */
export const row = (stage: Stage, name: string) =>
  stage.page.getByRole("row").filter({ hasText: name });
