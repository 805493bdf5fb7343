const part = (id) => document.getElementById(id);
let token, accessToken;

/** Calls the API and returns its answer, or throws an error with what to change. */
async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (accessToken) {
    headers.Authorization = `Bearer ${accessToken}`;
  }
  const response = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) {
    const fields = (answer.errors ?? []).map((e) => `${e.field}: ${e.message}`);
    throw new Error([...(fields.length ? fields : [answer.detail]), `(${answer.request_id})`].join(" "));
  }
  return answer;
}

/** Runs the action of a button, once at a time, and shows what went wrong. */
async function run(button, action) {
  button.disabled = true;
  part("message").textContent = "";
  try {
    await action();
  } catch (error) {
    const lost = error instanceof TypeError || error instanceof SyntaxError;
    part("message").textContent = lost ? "The server did not answer. Is it running? Try again." : error.message;
  } finally {
    button.disabled = false;
  }
}

function show(id) {
  for (const other of ["create", "created", "made"]) {
    part(other).hidden = other !== id;
  }
}

part("create").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  run(form.querySelector("button"), async () => {
    const { email, password } = Object.fromEntries(new FormData(form));
    accessToken = (await call("/setup", { token, email, password })).access_token;
    form.reset();
    show("created");
  });
});

part("key").addEventListener("click", (event) =>
  run(event.target, async () => {
    const { key } = await call("/api-keys", { name: "First key" });
    part("secret").textContent = key;
    part("try").textContent = `curl ${location.origin}/api/v1/users -H 'Authorization: Bearer ${key}'`;
    show("made");
  }),
);

/**
 * Takes the token from the fragment, which no server is sent. It leaves the address, and
 * with it the history, at once.
 */
function begin() {
  token = location.hash.slice(1);
  history.replaceState(null, "", "/setup");
  show(token ? "create" : "");
  part("message").textContent = token ? "" : "Open the setup address that the server printed, with what is behind its #. A new start prints a new one.";
}

addEventListener("hashchange", () => location.hash && begin());
begin();
