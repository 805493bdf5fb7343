// A process that disposes of its session during a renewal. It then ends by itself.
import { createClient, file, isCanceled, userSession } from "../../src/node.js";

const [path = "", baseUrl = "", userId = ""] = process.argv.slice(2);
const auth = userSession({ store: file(path) });
const client = createClient({ baseUrl, auth });
const call = client.users.get(userId);
process.stdin.once("data", async () => {
  process.stdin.destroy();
  auth.dispose();
  auth.dispose();
  console.log(
    await call.then(
      () => "it was answered",
      (e) => (isCanceled(e) ? "canceled" : e),
    ),
  );
});
