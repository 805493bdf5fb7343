// Package openwearables is the Go client of Open Wearables. It sends typed calls,
// retries what is safe to retry, and fetches, stores and renews the tokens that
// the calls need.
//
// A backend authenticates with an API key:
//
//	c, err := openwearables.New("https://api.example.com", openwearables.WithAPIKey(key))
//	for u, err := range c.Users.List(ctx, &owv1.ListUsersRequest{}) { ... }
//
// A developer's tool signs in and stores the session in a file:
//
//	c, err := openwearables.Login(ctx, base, email, password,
//		openwearables.WithStore(openwearables.FileStore(path)))
//
// # Sessions
//
// Two things end a session: SignOut, and a definitive response of the server.
// While the server is unreachable or overloaded, or something else responds in
// its place, calls fail with an error that says so and the session is kept. Any
// number of goroutines, clients and processes may share a store: they renew an
// expired token once. A renewal whose response was lost is repeated safely, also
// after a restart.
//
// # Lists, JSON, options of a call
//
// List iterates over all pages, and Page returns one. Values are Protobuf messages:
// protojson prints them in full, and json.Marshal does not. The options of one call are
// in its context: WithHeader, WithIdempotencyKey, WithResponseInfo.
//
// # Errors
//
// Every call fails with an *Error. Decide with the predicates (IsSessionExpired,
// IsRateLimited, ...) or, in more detail, on Error.Reason.
//
// # Secrets
//
// The type Secret holds a secret and prints as a fingerprint. Neither printing nor
// reflection shows a secret of a client, its services, its stores, or its errors and
// events. ExposedTokenPair and the messages of a generated client are plain text.
package openwearables
