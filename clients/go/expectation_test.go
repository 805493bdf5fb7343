package openwearables_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// verify compares how the scenario ended with what it expects.
func (s *stage) verify() {
	r, e := s.proxy.Report(), s.Expect
	e.Refreshes.check(s.T, "refreshes", r.Requests["RefreshToken"])
	e.Rotated.check(s.T, "rotated", r.Rotated)
	e.Revokes.check(s.T, "revokes", r.Requests["RevokeToken"])
	for name, n := range e.Requests {
		n.check(s.T, name, r.Requests[name])
	}
	for name, n := range e.Events {
		n.check(s.T, "events "+name, s.events.of(openwearables.EventType(name)))
	}
	keys := map[string]bool{}
	for _, seen := range r.Log {
		if seen.Method == "RefreshToken" {
			keys[seen.Key] = true
			if seen.Key == "" || seen.Token != "" {
				s.Errorf("a RefreshToken without an Idempotency-Key or with an Authorization: %+v", seen)
			}
		}
	}
	e.Keys.check(s.T, "keys", len(keys))
	s.verifySession()
	s.verifySilence()
}

func (s *stage) verifySession() {
	raw, err := s.store.Store.Load(s.Context())
	if err != nil {
		s.Error(err)
		return
	}
	var record struct {
		Access string `json:"access_token"`
	}
	_ = json.Unmarshal(raw, &record)
	holder := subject(record.Access)
	want := map[string]string{"kept": s.person.id, "other": s.other.id, "gone": ""}
	if id, ok := want[s.Expect.Session]; ok && holder != id {
		s.Errorf("the store holds the session of %q, want %q", holder, s.Expect.Session)
	}
	if s.Expect.Alive {
		if _, err := direct(s, record.Access).Users.Get(s.Context(), holder); err != nil {
			s.Errorf("the stored session is dead: %v", err)
		}
	}
	if s.Expect.Original == "ended" {
		eventually(s, "the first session ended", func() bool { // a busy server may still be at it
			_, err := direct(s, s.person.pair.Access.Reveal()).Users.Get(s.Context(), s.person.id)
			return openwearables.IsUnauthenticated(err)
		})
	}
}

// subject returns the id of the user that an access token belongs to, else "".
func subject(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Subject string `json:"sub"`
	}
	_ = json.Unmarshal(payload, &claims)
	return claims.Subject
}

// secrets matches every form of secret.
var secrets = regexp.MustCompile(`(ow_live_|ow_test_|secret_|rt_)[0-9a-z]{6}|eyJ[0-9A-Za-z_-]{10}`)

// verifySilence fails if an error or an event shows a secret.
func (s *stage) verifySilence() {
	for _, err := range s.errs {
		for ; err != nil; err = errors.Unwrap(err) {
			showsNoSecret(s, err)
		}
	}
	for _, e := range s.events.all() {
		showsNoSecret(s, e)
	}
	for _, p := range s.processes {
		showsNoSecret(s, p)
	}
}

// showsNoSecret fails the test if any way to print v shows a secret.
func showsNoSecret(t testing.TB, v any) {
	t.Helper()
	encoded, _ := json.Marshal(v)
	for _, shown := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), string(encoded)} {
		if found := secrets.FindString(shown); found != "" {
			t.Errorf("%T shows a secret: %s...", v, found)
		}
	}
}
