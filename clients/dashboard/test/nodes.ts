import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type Server, type ServerOptions, startServer } from "./server.js";

const pgserve = join(import.meta.dirname, "..", "bin", "pgserve");

/** The address of every client, as the proxy tells the nodes. */
const client = "203.0.113.7";

/** Nodes on one PostgreSQL behind a proxy, which are one server to a page. */
export interface Nodes extends Server {
  /** Each by itself. */
  nodes: Server[];
  /** How many requests each node was sent. */
  sent: number[];
}

/**
 * Starts so many nodes on an empty database. The first makes what a server alone makes with
 * these options; the others start with nothing and join it.
 */
export async function startNodes(count: number, options: ServerOptions = {}): Promise<Nodes> {
  const { fresh = false, flags = [] } = options;
  const postgres = spawn(pgserve, { stdio: ["pipe", "pipe", "inherit"] });
  const nodes: Server[] = [];
  const end = async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await endPostgres(postgres);
  };
  try {
    const database = await databaseOf(postgres);
    for (let i = 0; i < count; i++) {
      nodes.push(
        await startServer({
          flags: [...flags, "--trusted-proxies", "127.0.0.1"],
          database,
          ...(i === 0 ? { fresh } : { fresh: true, joins: !fresh }),
        }),
      );
    }
    return await behindProxy(nodes, database, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function behindProxy(
  nodes: Server[],
  database: string,
  end: () => Promise<void>,
): Promise<Nodes> {
  const sent = nodes.map(() => 0);
  const proxy = startProxy(nodes, sent);
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const url = `http://localhost:${(proxy.address() as AddressInfo).port}`;
  const setup = nodes.at(-1)?.setupUrl.split("#")[1];
  return {
    url,
    env: nodes[0]?.env ?? {},
    database,
    setupUrl: setup ? `${url}/setup#${setup}` : "",
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
      await end();
    },
    nodes,
    sent,
  };
}

/** Waits for the address of the database that pgserve prints. */
async function databaseOf(postgres: ChildProcess): Promise<string> {
  if (!postgres.stdout) throw new Error("pgserve has no standard output");
  const signal = AbortSignal.timeout(60_000);
  const printed = once(createInterface({ input: postgres.stdout }), "line", { signal });
  const ended = once(postgres, "exit", { signal }).then(([code]) => {
    throw new Error(`pgserve ended with ${code} before PostgreSQL was ready`);
  });
  const [database] = await Promise.race([printed, ended]).catch((error) => {
    throw signal.aborted ? new Error("pgserve did not say that PostgreSQL is ready") : error;
  });
  return String(database);
}

async function endPostgres(postgres: ChildProcess): Promise<void> {
  if (postgres.exitCode !== null || postgres.signalCode !== null) return;
  const ended = once(postgres, "exit", { signal: AbortSignal.timeout(60_000) }).catch(() => {
    postgres.kill("SIGKILL");
    throw new Error("pgserve did not end with its standard input");
  });
  postgres.stdin?.end();
  await ended;
}

/** Sends each request to the next node; one that is gone is left out. */
function startProxy(nodes: Server[], sent: number[]) {
  let turn = 0;
  return createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming).catch(() => undefined);
    if (!body) return; // the page was left while it asked
    const { connection: _, ...headers } = incoming.headers;
    const attempt = (left: number) => {
      const at = turn++ % nodes.length;
      const { hostname, port } = new URL(nodes[at]?.url ?? "");
      const onward = request({
        agent: false, // a connection for each, so that no node closes it as it is used again
        hostname,
        port,
        method: incoming.method,
        path: incoming.url,
        headers: { ...headers, "x-forwarded-for": client },
      });
      onward.on("response", (res) => {
        sent[at] = (sent[at] ?? 0) + 1;
        const { connection: _, ...headers } = res.headers;
        outgoing.writeHead(res.statusCode ?? 502, headers);
        pipeline(res, outgoing, () => {}); // either may go away
      });
      onward.on("error", () => {
        if (outgoing.headersSent) outgoing.destroy();
        else if (left > 1) attempt(left - 1);
        else outgoing.writeHead(502).end();
      });
      onward.end(body);
    };
    attempt(nodes.length);
  });
}
