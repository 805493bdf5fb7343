import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { bundle } from "./chromium.js";
import { type Rig, startRig, within } from "./harness.js";
import { startHostile } from "./hostile.js";
import { direct, newPerson } from "./scenario/world.js";
import type { Job, Outcome } from "./workerd/worker.js";

/** Runs Workers in workerd. Its own types need packages that it does not bring. */
interface Workers {
  dispatchFetch(url: string, init: { method: string; body: string }): Promise<Response>;
  dispose(): Promise<void>;
}
const { Miniflare } = createRequire(import.meta.url)("miniflare") as {
  Miniflare: new (options: {
    modules: boolean;
    script: string;
    compatibilityDate: string;
  }) => Workers;
};

let rig: Rig;
let script: string;
before(async () => {
  rig = await startRig();
  script = await bundle("workerd/worker.js", "esm");
});
after(() => rig.close());

// The oldest date has importScripts and lacks WeakRef and most options of fetch.
for (const compatibilityDate of ["2022-06-01", "2024-01-01", "2025-10-01"]) {
  test(`a Worker of ${compatibilityDate} makes calls, renews and signs out`, async () => {
    const dev = direct(rig.server, rig.developerToken);
    const person = await newPerson(dev);
    const { secret } = await dev.keys.create({});
    const moved = await startHostile((_, res) => {
      res.writeHead(307, { location: `${rig.server}/elsewhere` }).end();
    });
    const mf = new Miniflare({ modules: true, script, compatibilityDate });
    try {
      const job: Job = { baseUrl: rig.server, moved: moved.url, key: secret.reveal(), ...person };
      const answer = mf.dispatchFetch("http://worker/", {
        method: "POST",
        body: JSON.stringify(job),
      });
      const res = await within(60_000, "the Worker's answer", answer);
      const got = (await within(10_000, "its body", res.json())) as Outcome;
      assert.deepEqual(got, {
        byKey: person.id,
        bySession: person.id,
        renewed: "",
        afterSignOut: "unauthenticated",
        refused: "offline",
        moved: "foreign_answer",
      });
      await assert.rejects(direct(rig.server, person.pair.access_token).users.get(person.id));
    } finally {
      await mf.dispose();
      await moved.close();
    }
  });
}
