package openwearables_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// script makes calls to one installation and writes down what came of each, in a form that
// is the same for every installation that answers alike.
type script struct {
	t               *testing.T
	base            string
	dev             *openwearables.Client
	email, password string

	mark  string // tells what this script made from what others did
	lines []string
	names map[string]string // of ids, by the order in which they came
}

func newScript(t *testing.T, base, email, password string) *script {
	t.Helper()
	dev, err := openwearables.Login(t.Context(), base, email, password, openwearables.WithRetries(0))
	check(t, err)
	return &script{t: t, base: base, dev: dev, email: email, password: password, mark: "fake" + strconv.FormatInt(time.Now().UnixNano(), 36), names: map[string]string{}}
}

func (s *script) ctx() context.Context { return s.t.Context() }

func (s *script) with(opts ...openwearables.Option) *openwearables.Client {
	s.t.Helper()
	return newClient(s.t, s.base, append(opts, openwearables.WithRetries(0))...)
}

// raw returns a client of the calls that make tokens. Its calls carry the credential of no client.
func (s *script) raw() owv1connect.SessionServiceClient {
	h, opts := s.with().Connect()
	return owv1connect.NewSessionServiceClient(h, s.base, opts)
}

// note writes down an error, or a result.
func (s *script) note(step string, got any, err error) {
	s.t.Helper()
	line := fmt.Sprint(got)
	var e *openwearables.Error
	if m, ok := got.(proto.Message); ok {
		line = s.text(m)
	}
	if errors.As(err, &e) {
		line = fmt.Sprint(e.Kind, " ", e.Code, " ", e.Reason, " ", e.Message, " ", e.Fields, " ", e.RequiredScope, " ", e.RequestID != "")
	} else if err != nil {
		s.t.Errorf("%s: %v is no *Error", step, err)
	}
	s.lines = append(s.lines, step+": "+s.plain(line))
}

// notes writes down each item of a list.
func notes[T proto.Message](s *script, step string, items func(func(T, error) bool)) {
	s.t.Helper()
	n := 0
	for item, err := range items {
		n++
		s.note(step+" "+strconv.Itoa(n), item, err)
	}
	s.note(step+" in all", n, nil)
}

// text returns a message as JSON, without what differs from one installation to another.
func (s *script) text(m proto.Message) string {
	raw, err := protojson.Marshal(m)
	check(s.t, err)
	var v any
	check(s.t, json.Unmarshal(raw, &v))
	raw, err = json.Marshal(without(v))
	check(s.t, err)
	return string(raw)
}

var volatile = []string{
	"lastUsedAt", "lastUsedIp", "lastUsedClient", "lastUsedOperation", "client", "ip", "nextCursor", "previousCursor",
	"accessToken", "refreshToken", "secret", "appSecret",
}

// without replaces volatile members by whether they are there, and times about now by that.
func without(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if v[name] = without(member); slices.Contains(volatile, name) {
				v[name] = "there"
			}
		}
		delete(v, "lastUsedAt")
		for _, name := range []string{"lastUsedIp", "lastUsedClient", "lastUsedOperation"} {
			delete(v, name)
		}
		return v
	case []any:
		for i := range v {
			v[i] = without(v[i])
		}
		return v
	case string:
		at, err := time.Parse(time.RFC3339, v)
		switch left := time.Until(at); {
		case err == nil && left.Abs() < time.Hour:
			return "now"
		case err == nil && left > 0 && left < 100*24*time.Hour:
			return "later"
		}
	}
	return v
}

var identifiers = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(key_|app_|ow_live_|ow_test_)[0-9a-z]+`)

// plain replaces ids by names.
func (s *script) plain(line string) string {
	line = strings.ReplaceAll(strings.ReplaceAll(line, s.mark, "MARK"), s.email, "EMAIL")
	return identifiers.ReplaceAllStringFunc(line, func(id string) string {
		if _, ok := s.names[id]; !ok {
			s.names[id] = fmt.Sprintf("<%d>", len(s.names))
		}
		return s.names[id]
	})
}

// The fake of openwearablestest answers as the server does.
func TestFakeAnswersAsTheServer(t *testing.T) {
	t.Parallel()
	fake := openwearablestest.NewServer()
	t.Cleanup(fake.Close)
	for name, chapter := range map[string]func(*script){
		"sessions": sessionCalls, "keys": keyCalls, "applications": applicationCalls, "users": userCalls, "lists of users": userLists,
		"tokens": tokenCalls, "refreshes": refreshCalls, "workouts": workoutCalls, "lists of workouts": workoutLists, "retries": retriedCalls,
		"networks of keys": networkCalls, "rotations": rotationCalls,
	} {
		t.Run(name, func(t *testing.T) {
			real := newScript(t, world.url, world.email, world.password)
			chapter(real)
			made := newScript(t, fake.URL, fake.Email, fake.Password)
			chapter(made)
			if len(real.lines) < 8 {
				t.Errorf("only %d steps", len(real.lines))
			}
			for i := range max(len(real.lines), len(made.lines)) {
				want, got := lineAt(real.lines, i), lineAt(made.lines, i)
				if want != got {
					t.Errorf("the server says\n  %s\nand the fake\n  %s", want, got)
				}
			}
		})
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}
