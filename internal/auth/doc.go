// Package auth is the domain: it decides who may act, and with which
// credential. It holds every rule about developers, sessions, API keys,
// applications, users and their tokens. It knows neither the wire nor the
// database.
//
// Each operation takes its caller from the context (WithCaller), checks what
// the caller may do, then the request, then acts. Its errors are
// *problem.Error.
//
// The files stand in four layers, and a file names only what its own layer or a
// lower one declares: the nouns and ports (key.go, session.go, store.go); the
// collaborators that services share (credentials.go, buckets.go, signer.go);
// the services, named in the plural (keys.go, sessions.go); and auth.go, which
// composes them.
//
// These rules are tested through the whole product, on every surface, in
// server/scenario. What is decided in this package alone is tested beside it.
package auth
