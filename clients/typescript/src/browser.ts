/** What only browsers have: the cookie session of a dashboard and the stores that tabs share. */
export { type CookieSession, type CookieSessionOptions, cookieSession } from "./cookie.js";
export * from "./index.js";
export { indexedDb, webStorage } from "./store/web.js";
