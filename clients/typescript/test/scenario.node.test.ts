import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { apiKey, file } from "../src/node.js";
import { printed } from "./canary.js";
import { type Rig, startRig } from "./harness.js";
import { play } from "./scenario/stage.js";
import { playAll } from "./scenarios.js";

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.close());

test("the shared scenarios come to the shared outcomes", async (t) => {
  const proxies = await Promise.all(Array.from({ length: 12 }, () => rig.proxy()));
  await playAll(t, "Node", proxies, (scenario, proxy) =>
    play(scenario, {
      server: rig.server,
      developerToken: rig.developerToken,
      proxy,
      persistent: () =>
        file(join(rig.folder, "sessions", `${randomBytes(8).toString("hex")}.json`)),
      apiKey,
      print: printed,
    }),
  );
});
