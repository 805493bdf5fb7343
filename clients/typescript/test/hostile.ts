import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Writable } from "node:stream";
import { gzipSync } from "node:zlib";

const MiB = 1 << 20;

/** A loopback server that answers every request in one way, and counts them. */
export interface Hostile {
  readonly url: string;
  /** How many requests came. */
  count(): number;
  /** Resolves when no response is being sent. */
  close(): Promise<void>;
}

export async function startHostile(respond: RequestListener): Promise<Hostile> {
  let count = 0;
  const server = createServer((req, res) => {
    count++;
    req.resume();
    res.on("error", () => {});
    respond(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Responds with one body. */
export function whole(
  status: number,
  type: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): RequestListener {
  return (_, res) => res.writeHead(status, { "Content-Type": type, ...headers }).end(body);
}

/** Responds with a gzip of the given unpacked size that starts with `prefix`. */
export function bomb(
  status: number,
  type: string,
  prefix: string,
  fill: string | Uint8Array,
  mebibytes: number,
): RequestListener {
  const block = gzipSync(Buffer.alloc(MiB, fill), { level: 9 });
  const body = Buffer.concat([gzipSync(prefix), ...Array(mebibytes).fill(block)]);
  return whole(status, type, body, { "Content-Encoding": "gzip" });
}

/** Responds with a body that has no end. */
export function endless(
  status: number,
  type: string,
  prefix: string,
  chunk: string | Uint8Array,
): RequestListener {
  return (_, res) => {
    res.writeHead(status, { "Content-Type": type }).write(prefix);
    pour(res, chunk);
  };
}

/** Responds with a body without end whose chunks have one byte each. */
export function crumbs(status: number, type: string): RequestListener {
  return ({ socket }) => {
    const head = `HTTP/1.1 ${status} OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    socket.write(head);
    pour(socket, "1\r\n\n\r\n".repeat(10_000));
  };
}

function pour(to: Writable, chunk: string | Uint8Array): void {
  const more = () => {
    while (!to.destroyed && to.write(chunk)) {
      // until it is full
    }
  };
  to.on("drain", more);
  to.on("error", () => {});
  more();
}
