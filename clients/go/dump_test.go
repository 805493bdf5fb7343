package openwearables_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// walker reads whatever reflection reaches from a value, as dumpers and the messages
// of test libraries do: unexported fields too, and through every pointer.
type walker struct {
	shows func(text string) bool
	seen  map[any]bool
	found []string // paths to a secret
}

// foreign holds the packages whose values other goroutines change while the test reads.
var foreign = []string{"net/http", "crypto/", "sync", "context", "time", "testing", "google.golang.org/protobuf", "runtime"}

func (w *walker) walk(path string, v reflect.Value) {
	if !v.IsValid() || len(path) > 2000 {
		return
	}
	for _, p := range foreign {
		if strings.HasPrefix(v.Type().PkgPath(), p) && v.Kind() != reflect.Map { // http.Header is a map
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		w.note(path, v.String())
	case reflect.Pointer:
		key := struct {
			t reflect.Type
			p uintptr
		}{v.Type(), v.Pointer()}
		if !v.IsNil() && !w.seen[key] {
			w.seen[key] = true
			w.walk("*"+path, v.Elem())
		}
	case reflect.Interface:
		w.walk(path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			w.walk(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			w.walk(path+".key", key)
			w.walk(path+"[]", v.MapIndex(key))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			w.note(path, string(v.Bytes()))
			return
		}
		for i := range v.Len() {
			w.walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	}
}

func (w *walker) note(path, text string) {
	if w.shows(text) {
		w.found = append(w.found, path)
	}
}

// reachesNoSecret fails the test if printing v, or reflection from v on, shows one of the
// secrets or what looks like one.
func reachesNoSecret(t *testing.T, name string, v any, known ...string) {
	t.Helper()
	shows := func(text string) bool {
		for _, s := range known {
			if strings.Contains(text, s) {
				return true
			}
		}
		return secrets.MatchString(text)
	}
	w := &walker{shows: shows, seen: map[any]bool{}}
	w.walk(name, reflect.ValueOf(v))
	for _, path := range w.found {
		t.Errorf("reflection reaches a secret at %s", path)
	}
	showsNoSecret(t, v)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	for _, shown := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v)} {
		if shows(shown) {
			t.Errorf("%s prints a secret", name)
		}
	}
}

// keyedAndSignedIn returns a client of each kind with what they gave out, and their
// secrets.
func keyedAndSignedIn(t *testing.T) (values map[string]any, known []string) {
	t.Helper()
	p, ctx := newPerson(t), t.Context()
	proxy, base := newProxy(t)
	k, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(t, err)
	app, err := world.dev.Applications.Create(ctx, "dump")
	check(t, err)
	memory := seeded(t, base, p.pair, expired)
	file := openwearables.FileStore(filepath.Join(t.TempDir(), "s.json"))
	keyed := newClient(t, base, openwearables.WithAPIKey(k.Secret.Reveal()))
	seen := new(events)
	s := newClient(t, base, seen.option(), openwearables.WithStore(memory), openwearables.WithTokenProvider(
		func(context.Context, openwearables.TokenRequest) (openwearables.TokenPair, error) { return p.pair, nil }))
	dev, err := openwearables.Login(ctx, base, world.email, world.password, openwearables.WithStore(file))
	check(t, err)
	ctx, info := openwearables.WithResponseInfo(ctx)
	user, err := keyed.Users.Get(ctx, p.id)
	check(t, err)
	proxy.Rules(faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.Reset}, faultproxy.Rule{Method: "RevokeToken", Fault: faultproxy.Reset})
	_, offline := s.Users.Get(ctx, p.id)
	_, refused := newClient(t, base, openwearables.WithAPIKey("ow_live_"+strings.Repeat("q", 40))).Users.Get(ctx, p.id)
	eventually(t, "events", func() bool { return len(seen.all()) > 0 })
	stored, err := memory.Load(ctx)
	check(t, err)
	return map[string]any{
		"keyed": keyed, "session": s, "developer": dev, "memory": memory, "file": file,
		"key": k, "application": app, "pair": p.pair, "pointer": &p.pair, "response info": info, "user": user,
		"application credentials": openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()),
		"offline":                 offline, "refused": refused, "sign-out": dev.SignOut(t.Context()), "request": openwearables.TokenRequest{},
		"events": seen.all(), "generated": generated(keyed), "generated session": generated(s),
	}, []string{k.Secret.Reveal(), app.Secret.Reveal(), p.pair.Access.Reveal(), p.pair.Refresh.Reveal(), world.password, string(stored), strings.Repeat("q", 40)}
}

func generated(c *openwearables.Client) any {
	h, opts := c.Connect()
	return []any{h, owv1connect.NewUserServiceClient(h, c.BaseURL(), opts)}
}

// Whatever can be reached from a client, its services, stores, errors and responses
// shows no secret, however it is printed or read.
func TestNothingThatIsReachableShowsASecret(t *testing.T) {
	values, known := keyedAndSignedIn(t)
	for name, v := range values {
		reachesNoSecret(t, name, v, known...)
		c, ok := v.(*openwearables.Client)
		if !ok {
			continue
		}
		fields := reflect.ValueOf(*c)
		for i := range fields.NumField() {
			if field := fields.Type().Field(i); field.IsExported() {
				reachesNoSecret(t, name+"."+field.Name, fields.Field(i).Interface(), known...)
				reachesNoSecret(t, name+"."+field.Name+" as a value", fields.Field(i).Elem().Interface(), known...)
			}
		}
	}
	for err := values["offline"].(error); err != nil; err = errors.Unwrap(err) {
		reachesNoSecret(t, "cause", err, known...)
	}
}
