// The client under test of connectconformance. It reads requests from standard input
// and writes responses to standard output, each after its length in four bytes. With
// the first argument chromium, a page makes the calls; the second one says how.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { apiKey } from "../src/index.js";
import { bundle, startBrowser } from "../test/chromium.js";
import { run } from "./call.js";

/** What page.ts gives a page. */
interface Page {
  run(request: readonly number[], plain: boolean): Promise<number[]>;
}

const plain = process.argv[3] === "plain";

type Run = (request: Uint8Array) => Promise<Uint8Array>;

async function serve(run: Run): Promise<void> {
  let pending = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const end = 4 + pending.readUInt32BE();
      const answer = await run(pending.subarray(4, end));
      pending = pending.subarray(end);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(answer.length);
      process.stdout.write(Buffer.concat([length, answer]));
    }
  }
}

async function serveFromPage(): Promise<void> {
  const site = createServer((_, res) => res.setHeader("Content-Type", "text/html").end());
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const browser = await startBrowser({ ignoreHTTPSErrors: true });
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const page = await browser.open(origin, await bundle("../conformance/page.js"));
  await serve(async (request) =>
    Uint8Array.from(
      await page.evaluate(([r, p]) => (globalThis as unknown as Page).run(r, p), [
        [...request],
        plain,
      ] as const),
    ),
  );
  await browser.close();
  site.close();
}

await (process.argv[2] === "chromium"
  ? serveFromPage()
  : serve((request) => run(request, apiKey("static"), plain)));
