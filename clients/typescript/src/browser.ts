/** Everything of the root entry, and for browsers: cookie sessions and stores that tabs share. */
export { type CookieSession, type CookieSessionOptions, cookieSession } from "./cookie.js";
export * from "./index.js";
export { indexedDb, type WebStorage, webStorage } from "./store/web.js";
