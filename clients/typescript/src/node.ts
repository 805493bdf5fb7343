/** What only servers and tools have: application credentials and a store in a file. */
export { type AppCredentials, appCredentials, type Exchange } from "./exchange.js";
export * from "./index.js";
export { file } from "./store/file.js";
