// Package auth is the domain: who may act, and with what proof. It holds every
// rule about developers, sessions, API keys, applications, users and their
// tokens; it knows nothing of the wire or of the database.
//
// Each operation takes its caller from the context (WithCaller), checks what
// the caller may do, then the request, then acts. Its errors are *problem.Error.
//
// Its rules are tested through the whole product, on every surface, in
// server/scenario; what is decided here alone is tested beside it.
package auth
