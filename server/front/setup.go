package front

import (
	_ "embed"
	"net/http"
)

//go:embed setup.html
var setupPage []byte

//go:embed setup.js
var setupScript []byte

//go:embed setup.css
var setupStyle []byte

// setupPolicy permits the script and the style of the setup page, and its calls to
// this server.
const setupPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// registerSetup serves the page that creates the first developer. It is the same
// whether there is one: only its call tells.
func registerSetup(handle func(pattern, operation string, h http.HandlerFunc)) {
	handle("GET /setup", "setup", document("text/html; charset=utf-8", setupPolicy, setupPage))
	handle("GET /setup/setup.js", "setup", document("text/javascript; charset=utf-8", setupPolicy, setupScript))
	handle("GET /setup/setup.css", "setup", document("text/css; charset=utf-8", setupPolicy, setupStyle))
}
