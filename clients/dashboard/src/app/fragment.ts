/** The pages whose links hold a token. */
const pages = ["/setup", "/accept-invite"];

let token = "";
let told = () => {};

/**
 * Takes the token of a link out of the address before anything else runs: it must stay in
 * no history, and no other page may be sent it. Ours stands behind the #; `?token=` is
 * that of links which other servers made.
 */
export function takeToken(): void {
  take();
  window.addEventListener("hashchange", take);
}

function take(): void {
  if (!pages.includes(location.pathname)) return;
  const found = location.hash.slice(1) || new URLSearchParams(location.search).get("token");
  if (!found) return;
  token = found.replace(/^token=/, "").trim();
  history.replaceState(history.state, "", location.pathname);
  told();
}

/** Returns the token, which stays until forgetToken. */
export const linkToken = (): string => token;

/** Forgets the token: it was used. */
export function forgetToken(): void {
  token = "";
}

/** Calls back when another link was opened in this page. */
export function onToken(listener: () => void): () => void {
  told = listener;
  return () => {
    told = () => {};
  };
}
