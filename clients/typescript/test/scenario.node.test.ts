import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { file } from "../src/node.js";
import { type Rig, startRig } from "./harness.js";
import { play } from "./scenario/stage.js";
import { pooled, scenarios } from "./scenarios.js";

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.close());

test("the shared scenarios come to the shared outcomes", async (t) => {
  const proxies = await Promise.all(Array.from({ length: 12 }, () => rig.proxy()));
  await pooled(scenarios(), proxies, async (scenario, proxy) => {
    const problems = await play(scenario, {
      server: rig.server,
      developerToken: rig.developerToken,
      proxy,
      persistent: () =>
        file(join(rig.folder, "sessions", `${randomBytes(8).toString("hex")}.json`)),
      print: (v) =>
        [inspect(v, { depth: 9, showHidden: true }), JSON.stringify(v), String(v)].join("\n"),
    });
    await t.test(scenario.name, () => assert.deepEqual(problems, []));
  });
});
