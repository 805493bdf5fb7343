import { cookieSession, createClient } from "@openwearables/sdk/browser";

// Made once, outside of components. The refresh token is in a cookie that no script reads, so
// page and API must be of one site: localhost here, and not 127.0.0.1.
const baseUrl = import.meta.env.VITE_OPENWEARABLES_BASE_URL ?? "http://localhost:8000";
export const auth = cookieSession({ baseUrl });
export const client = createClient({ baseUrl, auth });
