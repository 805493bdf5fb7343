package scenario_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// TestSurfacesAgree makes the same random calls on three nodes, each on another surface, with equal
// clocks. The answers must agree in status, reason, detail, fields, body, and rate-limit headers.
func TestSurfacesAgree(t *testing.T) {
	t.Parallel()
	operations, statuses := make(map[string]bool), make(map[int]bool)
	for seed := range uint64(3) {
		began := time.Now()
		var replicas []*replica
		for i := range 3 {
			replicas = append(replicas, newReplica(t, i, began))
		}
		calls := &script{rng: rand.New(rand.NewPCG(seed, 20)), fields: inputFields()}
		for number := range 360 {
			s := calls.next(replicas[0])
			var first outcome
			for i, r := range replicas {
				got := r.run(t, s)
				if i == 0 {
					first = got
				} else if got != first {
					t.Fatalf("seed %d, call %d, %s:\n%s answers %s\n%s answers %s", seed, number, s, replicas[0].d.name(), first, r.d.name(), got)
				}
			}
			operations[s.operation], statuses[first.status] = true, true
		}
	}
	for operation := range restRouteOf() {
		if !operations[operation] && operation != "ChangePassword" {
			t.Errorf("%s was never called", operation)
		}
	}
	for _, status := range []int{200, 201, 204, 400, 401, 403, 404, 409, 422} {
		if !statuses[status] {
			t.Errorf("no answer was %d", status)
		}
	}
}

// tickingClock returns a different time at every call, and otherwise moves only by advance. Safe
// for concurrent use.
type tickingClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *tickingClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Microsecond)
	return c.at
}

func (c *tickingClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Truncate(time.Millisecond).Add(d)
}

// replica is one of the nodes that run the same calls.
type replica struct {
	n     *node
	d     driver
	clock *tickingClock
	names map[string]string   // ids in order of appearance
	known map[string][]string // by kind: ids and credentials
}

func newReplica(t *testing.T, surface int, began time.Time) *replica {
	t.Helper()
	w := &replica{clock: &tickingClock{at: began}, names: make(map[string]string), known: make(map[string][]string)}
	w.n = start(t, func(c *server.Config) { c.Now = w.clock.now })
	w.d = w.n.drivers()[surface]
	w.known["missing"] = []string{"00000000-0000-4000-8000-000000000000"}
	return w
}

// step is one call of the script. It refers to ids and credentials by their index in replica.known.
type step struct {
	operation  string
	credential reference
	ids        map[string]reference // by parameter
	in         args
	key        string // Idempotency-Key
	wait       time.Duration
	plain      bool // cannot be sent as a binary message
}

type reference struct {
	kind string
	at   int
}

func (s step) String() string {
	return fmt.Sprintf("%s by %v of %v with %.300s", s.operation, s.credential, s.ids, mustJSON(s.in))
}

// outcome is an answer without the parts that differ between nodes.
type outcome struct {
	status               int
	reason, detail, body string
	fields, headers      string
}

func (a outcome) String() string {
	return fmt.Sprintf("%d %q %q %s\n\t%s\n\t%s", a.status, a.reason, a.detail, a.fields, a.headers, a.body)
}

// script generates random calls.
type script struct {
	rng    *rand.Rand
	fields []inputField
}

// next generates a call from the ids and credentials of one replica. All replicas know equally
// many.
func (s *script) next(w *replica) step {
	if len(w.known["dev"]) == 0 {
		return step{operation: "Login", in: args{}}
	}
	operations := []string{"CreateUser", "CreateUser", "UpsertWorkouts", "CreateKey", "CreateUserToken", "CreateUserToken", "RefreshToken", "ListUsers"}
	for _, f := range s.fields {
		if f.operation != "ChangePassword" && f.operation != "Login" && !slices.Contains(operations[8:], f.operation) {
			operations = append(operations, f.operation)
		}
	}
	operations = append(operations, "GetMe", "ListKeys", "ListApplications", "ListSessions", "RevokeOtherSessions", "Logout", "Login",
		"ListWebhookEndpoints", "ListAlertRules", "ListDevelopers", "ListInvitations", "GetInstallation", "GetStats", "CreateUser", "CreateUser")
	out := step{operation: operations[s.rng.IntN(len(operations))], credential: s.credential(w), ids: make(map[string]reference)}
	out.in = s.members(w, &out)
	all, _ := pathParameters(out.operation)
	for _, name := range all {
		out.ids[name] = s.id(w, out.operation, name)
	}
	for range s.rng.IntN(5) - 2 { // two of five calls get odd values
		s.corrupt(&out)
	}
	if s.rng.IntN(4) == 0 {
		out.key = fmt.Sprint("key-", s.rng.IntN(4))
	}
	if s.rng.IntN(8) == 0 {
		out.wait = time.Duration(s.rng.IntN(12)) * time.Second
	}
	return out
}

// credential picks a credential, most often a valid one.
func (s *script) credential(w *replica) reference {
	kinds := []string{"dev", "dev", "dev", "dev", "key", "key", "user", "none", "garbage"}
	kind := kinds[s.rng.IntN(len(kinds))]
	return s.pick(w, kind)
}

// pick returns a reference of the kind, most often the newest.
func (s *script) pick(w *replica, kind string) reference {
	n := len(w.known[kind])
	if n == 0 {
		return reference{"none", 0}
	}
	if s.rng.IntN(3) > 0 {
		return reference{kind, n - 1}
	}
	return reference{kind, s.rng.IntN(n)}
}

func (s *script) id(w *replica, operation, name string) reference {
	kind := "userID"
	switch service := string(method(operation).Parent().Name()); {
	case service == "KeyService":
		kind = "keyID"
	case service == "ApplicationService":
		kind = "appID"
	case service == "SessionService":
		kind = "sessionID"
	case name == "workout_id":
		kind = "workoutID"
	case name == "session_id":
		kind = "userSessionID"
	}
	if len(w.known[kind]) == 0 || s.rng.IntN(10) == 0 {
		kind = "missing"
	}
	return s.pick(w, kind)
}

// members returns arguments with which the operation may succeed.
func (s *script) members(w *replica, out *step) args {
	some := func(values ...any) any { return values[s.rng.IntN(len(values))] }
	switch out.operation {
	case "Login":
		return args{}
	case "RefreshToken", "RevokeToken":
		out.ids["refresh_token"] = s.pick(w, "refresh")
		return args{}
	case "CreateUserToken":
		if s.rng.IntN(2) == 0 && len(w.known["appID"]) > 0 {
			at := s.pick(w, "appID")
			out.ids["app_id"], out.ids["app_secret"] = at, reference{"secret", at.at}
		}
		return args{}
	case "VerifyCredential", "ExplainAccess":
		out.ids["credential"] = s.pick(w, some("key", "dev", "user", "refresh").(string))
		return args{"operation": some("ListUsers", "GetMe"), "spend": some(true, false)}
	case "VerifyCredentials":
		return args{"checks": []args{{"credential": some("x", "a.b.c", "ow_live_x"), "operation": some("ListUsers", "GetMe")}}}
	case "CreateUser", "UpdateUser":
		return args{"first_name": some("Ada", " Grace ", "x"), "email": some("a@b.example", "A@b.example", "c@d.example", fmt.Sprint(s.rng.IntN(99), "@e.example"))}
	case "CreateKey":
		return args{"name": some("A", "B"), "scopes": some([]string{"users:read"}, allScopes, []string{"tokens:write", "users:write"})}
	case "UpdateKey":
		return args{"enabled": some(true, true, false), "scopes": some([]string{"users:read"}, allScopes)}
	case "CreateApplication", "UpdateApplication":
		return args{"name": some("App", "\u00e4")}
	case "RotateKey", "RotateApplicationSecret":
		return args{"overlap_seconds": some(0, 60)}
	case "ListUsers":
		return args{"limit": some(1, 2, 100), "page": some(1, 2), "search": some("", "a", "%"), "sort_order": some("asc", "desc")}
	case "ListWorkouts":
		return args{"start_date": some("2026-03-01", "1772323200"), "end_date": some("2026-03-07", "2026-03-02T12:00:00Z", "2026-02-01"), "limit": some(1, 50)}
	case "GetUsage", "GetKeyUsage", "GetApplicationUsage", "GetUserUsage": // of a time of which all replicas know the same
		return args{"start": "2020-03-01T10:30:00Z", "end": some("2020-03-02T00:00:00Z", "2020-03-01T10:30:00Z", "2021-03-01T00:00:00Z"), "resolution": some("minute", "hour", "day", "week")}
	case "UpdateAlertRule":
		return args{"thresholds": []args{{"name": some("unused_days", "percent"), "value": some(30, 180)}}, "enabled": some(true, false)}
	case "UpdateDeveloper":
		return args{"first_name": some("Ada", " Grace ")}
	case "RedeemPairingCode":
		return args{"code": some("abcd-efgh", "ABCDEFG", "ABCDEFGHI")}
	case "CreateInvitation":
		return args{"email": some("a@b.example", "A@b.example", "dev@example.com")}
	case "DeleteWorkouts":
		return args{"workouts": []args{{"provider": "apple", "external_id": some("w-1", "w-2", "w-3")}, {"provider": " apple ", "external_id": "w-2"}}}
	case "UpsertWorkouts":
		one, two := someWorkout(), someWorkout()
		one["external_id"], two["external_id"] = some("w-1", "w-2"), some("w-1", "w-3")
		two["start_time"], two["end_time"] = "2026-03-03T07:00:00+02:00", some("2026-03-03T08:00:00+02:00", "2026-03-03T06:00:00+02:00")
		return args{"workouts": []args{one, two}}
	default:
		return args{}
	}
}

// corrupt puts an odd value into a random field.
func (s *script) corrupt(out *step) {
	var own []inputField
	for _, f := range s.fields {
		if f.operation == out.operation {
			own = append(own, f)
		}
	}
	if len(own) == 0 {
		return
	}
	f := own[s.rng.IntN(len(own))]
	values := f.values()
	value := values[s.rng.IntN(len(values))]
	list, _, _ := strings.Cut(f.name, "[0]")
	_, corrupted := out.in[list].(wireValue)
	if !f.sameOnAllSurfaces(value) || value.json == "[]" || f.in == "path" && value.text == "" || corrupted {
		return
	}
	if f.schema.Format == "date-time" && !f.conforms(value, false) {
		return // as a Timestamp, an RPC refuses it before it authenticates the caller
	}
	delete(out.ids, f.name)
	out.in = f.place(out.in, value)
	out.plain = true
}

// run makes the call on the replica.
func (w *replica) run(t *testing.T, s step) outcome {
	t.Helper()
	w.clock.advance(time.Millisecond + s.wait)
	in := maps.Clone(s.in)
	for name, r := range s.ids {
		in[name] = w.resolve(r)
	}
	if s.operation == "Login" && len(in) == 0 {
		in = args{"email": w.n.email, "password": w.n.password}
	}
	var o []option
	if token := w.resolve(s.credential); token != "" {
		o = append(o, bearer(token))
	}
	if s.key != "" {
		o = append(o, idempotent(s.key))
	}
	if err := w.n.server.Auth().Flush(t.Context()); err != nil { // which each replica does at a time of its own
		t.Fatal(err)
	}
	d := w.d
	if rpc, ok := d.(rpcDriver); ok && s.plain {
		d = rpcDriver{rpc.n, jsonType}
	}
	a := d.call(t, s.operation, in, o...)
	if s.operation == "ListUserAccesses" && a.Status == 200 {
		a.Body = nil // what was read within the last second may be there or not
	}
	w.record(s, a)
	return w.normalize(a)
}

// resolve returns the replica's value of a reference, or "".
func (w *replica) resolve(r reference) string {
	switch r.kind {
	case "", "none":
		return ""
	case "garbage":
		return "garbage"
	}
	return w.known[r.kind][r.at]
}

// record adds the ids and credentials of an answer to known.
func (w *replica) record(s step, a answer) {
	keep := func(kind, value string) {
		if value != "" {
			w.known[kind] = append(w.known[kind], value)
		}
	}
	if a.Status >= 300 {
		return
	}
	switch s.operation {
	case "Login":
		keep("dev", a.str("access_token"))
		keep("refresh", a.str("refresh_token"))
	case "Logout":
		w.known["dev"] = nil
	case "CreateUserToken":
		keep("user", a.str("access_token"))
		keep("refresh", a.str("refresh_token"))
	case "RefreshToken":
		keep("refresh", a.str("refresh_token"))
	case "CreateUser":
		keep("userID", a.str("id"))
	case "CreateKey":
		keep("keyID", a.str("id"))
		keep("key", a.str("key"))
	case "RotateKey":
		keep("key", a.str("key"))
	case "CreateApplication":
		keep("appID", a.str("app_id"))
		keep("secret", a.str("app_secret"))
	case "UpsertWorkouts":
		keep("workoutID", a.list("items")[0].(map[string]any)["id"].(string))
	case "ListUserSessions":
		if list, _ := a.Body.([]any); len(list) > 0 {
			keep("userSessionID", list[0].(map[string]any)["id"].(string))
		}
	case "ListSessions":
		if list, _ := a.Body.([]any); len(list) > 0 {
			keep("sessionID", list[0].(map[string]any)["id"].(string))
		}
	}
}

var (
	anyID     = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(key|app|req)_[0-9a-z]{16,}|signing_key:[0-9a-z]+|\b[0-9a-z]{22}\b`)
	anySecret = regexp.MustCompile(`"(access_token|refresh_token|key|key_prefix|app_secret|token|code|next_cursor|previous_cursor)":"[^"]*"`)
	anyTime   = regexp.MustCompile(`"(at|created_at|updated_at|last_used_at|last_synced_at|expires_at|previous_expires_at|checked_at|refreshed_at|ends_at|reset_at)":"[^"]*"`)
)

// normalize returns the parts of an answer that must agree on all replicas.
func (w *replica) normalize(a answer) outcome {
	out := outcome{status: a.Status, reason: a.Reason, detail: a.Detail, fields: fmt.Sprint(a.Fields, a.Scope)}
	for _, name := range []string{
		"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "WWW-Authenticate", "Idempotent-Replayed", "Retry-After", "Cache-Control",
	} {
		out.headers += name + ": " + strings.Join(a.Header.Values(name), ", ") + "; "
	}
	if a.Status >= 300 {
		return out
	}
	text := string(mustJSON(a.Body))
	for _, pattern := range []*regexp.Regexp{anySecret, anyTime} {
		text = pattern.ReplaceAllString(text, `"$1":"..."`)
	}
	out.body = anyID.ReplaceAllStringFunc(text, func(id string) string {
		if w.names[id] == "" {
			w.names[id] = fmt.Sprint("id-", len(w.names))
		}
		return w.names[id]
	})
	return out
}
