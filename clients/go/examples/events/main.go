// Events watches what happens to an API key and to a user's session, and reacts.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func main() {
	if err := run(slog.New(slog.NewTextHandler(os.Stdout, nil))); err != nil {
		slog.Error("it ends", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	base, user := os.Getenv("OPENWEARABLES_BASE_URL"), os.Getenv("USER_ID")
	if base == "" {
		base = "http://localhost:8000"
	}
	keyed, err := openwearables.New(base, openwearables.WithAPIKey(os.Getenv("OPENWEARABLES_API_KEY")),
		openwearables.WithEvents(func(e openwearables.Event) { onKey(log, e) }))
	if err != nil {
		return err
	}
	session, err := openwearables.New(base, openwearables.WithUserID(user),
		openwearables.WithEvents(func(e openwearables.Event) { onSession(log, e) }),
		openwearables.WithTokenProvider(func(ctx context.Context, r openwearables.TokenRequest) (openwearables.TokenPair, error) {
			return keyed.Tokens.Create(ctx, r.UserID) // an app asks its backend here
		}))
	if err != nil {
		return err
	}
	every, err := time.ParseDuration(os.Getenv("EVERY"))
	if err != nil {
		every = 5 * time.Second
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	for {
		// The session's calls renew its token when they need to, and the key's calls learn
		// that it was rotated: there is nothing else to do for events to come.
		if _, err := session.Users.Get(stop, user); err != nil && stop.Err() == nil {
			log.Warn("the user could not be read", "error", err)
		}
		if _, err := keyed.Users.Get(stop, user); err != nil && stop.Err() == nil {
			log.Warn("the key could not read the user", "error", err)
		}
		select {
		case <-stop.Done():
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return session.SignOut(ctx)
		case <-time.After(every):
		}
	}
}

// onKey is told that somebody has rotated the key in use. It works until the sunset: until
// then this program must be started with the new one. Here you would call whoever is on duty.
func onKey(log *slog.Logger, e openwearables.Event) {
	if e.Type == openwearables.EventKeyRotated {
		log.Warn("the API key was rotated: replace it", "before", e.Sunset, "left", time.Until(e.Sunset).Round(time.Minute))
	}
}

// onSession is told of everything that happens to the session. An app shows its login when
// the session has ended; it does not when a refresh failed, because the session goes on.
func onSession(log *slog.Logger, e openwearables.Event) {
	if e.Dropped > 0 {
		log.Warn("this handler was too slow", "dropped", e.Dropped)
	}
	switch e.Type {
	case openwearables.EventSignedIn:
		log.Info("signed in")
	case openwearables.EventSignedOut, openwearables.EventSessionExpired:
		log.Warn("signed out: show the login", "type", e.Type, "reason", e.Reason)
	case openwearables.EventRefreshFailed, openwearables.EventStorageError:
		log.Warn("still signed in", "type", e.Type, "error", e.Err, "will_retry", e.WillRetry)
	default:
		log.Info(string(e.Type))
	}
}
