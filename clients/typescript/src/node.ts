/**
 * Everything of the root entry, and for servers and tools: application credentials and
 * file stores.
 */
export { type AppCredentials, appCredentials, type Exchange } from "./exchange.js";
export * from "./index.js";
export { file } from "./store/file.js";
