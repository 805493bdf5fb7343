// Package openwearables is the Go client of Open Wearables: it sends typed
// calls, retries what is safe to retry, and fetches, keeps and renews the tokens
// that the calls need.
//
// A backend uses an API key:
//
//	c, err := openwearables.New("https://api.example.com", openwearables.WithAPIKey(key))
//	for u, err := range c.Users.All(ctx, &owv1.ListUsersRequest{}) { ... }
//
// A tool that a developer signs in to uses a session, kept in a file:
//
//	c, err := openwearables.Login(ctx, base, email, password,
//		openwearables.WithStore(openwearables.FileStore(path)))
//
// # Sessions
//
// A session ends only by SignOut or by a definitive word of the server. While
// the server cannot be reached, is overloaded or answers nonsense, the session
// stays, and calls fail with an error that says so. However many goroutines,
// clients and processes share a store, an expired token is renewed once, and a
// renewal whose answer was lost is repeated without harm, also after a restart.
//
// # Errors
//
// Every call fails with an *Error. Decide with the predicates (IsSessionExpired,
// IsRateLimited, ...) and, more finely, on Error.Reason.
//
// # Secrets
//
// Secrets are of the type Secret, which prints as a fingerprint. No error, event
// or String method of this package contains a secret.
package openwearables
