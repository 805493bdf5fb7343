import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Server, startServer } from "./server.js";

const pgserve = join(import.meta.dirname, "..", "bin", "pgserve");

/** Nodes on one PostgreSQL behind a proxy, which are one server to a page. */
export interface Nodes extends Server {
  /** Each by itself. */
  nodes: Server[];
  /** How many requests each node was sent. */
  sent: number[];
}

/** Starts so many nodes on an empty database, without a developer. */
export async function startNodes(count: number): Promise<Nodes> {
  const postgres = spawn(pgserve, { stdio: ["pipe", "pipe", "inherit"] });
  const [database] = (await once(createInterface({ input: postgres.stdout }), "line")) as string[];
  const nodes: Server[] = [];
  for (let i = 0; i < count; i++) {
    const flags = ["--trusted-proxies", "127.0.0.1"];
    nodes.push(await startServer({ fresh: true, flags, database: database ?? "" }));
  }
  const sent = nodes.map(() => 0);
  const proxy = startProxy(nodes, sent);
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const url = `http://localhost:${(proxy.address() as AddressInfo).port}`;
  return {
    url,
    env: {},
    database: database ?? "",
    setupUrl: `${url}/setup#${nodes[count - 1]?.setupUrl.split("#")[1]}`,
    log: () => nodes.map((node) => node.log()).join("\n"),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
    again: async () => {
      await Promise.all(nodes.map((node) => node.again()));
    },
    async close() {
      proxy.closeAllConnections();
      proxy.close();
      await Promise.all(nodes.map((node) => node.close()));
      const ended = once(postgres, "exit");
      postgres.stdin.end();
      await ended;
    },
    nodes,
    sent,
  };
}

/** Sends each request to the next node; one that is gone is left out. */
function startProxy(nodes: Server[], sent: number[]) {
  let turn = 0;
  return createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const attempt = (left: number) => {
      const at = turn++ % nodes.length;
      const { hostname, port } = new URL(nodes[at]?.url ?? "");
      const headers = { ...incoming.headers, "x-forwarded-for": "203.0.113.7" };
      const options = { hostname, port, method: incoming.method, path: incoming.url, headers };
      const onward = request(options, (res) => {
        sent[at] = (sent[at] ?? 0) + 1;
        outgoing.writeHead(res.statusCode ?? 502, res.headers);
        res.pipe(outgoing);
      });
      onward.on("error", () => (left > 1 ? attempt(left - 1) : outgoing.writeHead(502).end()));
      onward.end(Buffer.concat(chunks));
    };
    attempt(nodes.length);
  });
}
