import { keyAuth } from "../src/auth.js";
import { run } from "./call.js";

Object.assign(globalThis, {
  run: async (request: number[], plain: boolean) => [
    ...(await run(Uint8Array.from(request), keyAuth("static"), plain)),
  ],
});
