package scenario_test

import (
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

// readers maps an operation that writes to the one that reads the result.
var readers = map[string]string{
	"CreateUser": "GetUser", "UpdateUser": "GetUser", "CreateKey": "GetKey", "UpdateKey": "GetKey", "UpdateMe": "GetMe",
	"CreateApplication": "GetApplication", "UpdateApplication": "GetApplication", "UpsertWorkouts": "ListWorkouts",
	"UpdateDeveloper": "GetDeveloper",
}

// fieldGroup is a group of fields of one operation that are tried in one call: all free-text
// fields, or a single field.
type fieldGroup []inputField

// inputGroups returns all fields in groups.
func inputGroups() []fieldGroup {
	var all []fieldGroup
	free := make(map[string]int) // index of an operation's free-text group
	for _, f := range inputFields() {
		s := f.schema
		plain := f.in == "body" && isPlain(s) && readers[f.operation] != ""
		if at, ok := free[f.operation]; ok && plain {
			all[at] = append(all[at], f)
			continue
		} else if plain {
			free[f.operation] = len(all)
		}
		all = append(all, fieldGroup{f})
	}
	return all
}

// values returns the values of all fields, without duplicates.
func (g fieldGroup) values() []wireValue {
	var all []wireValue
	for _, f := range g {
		for _, value := range f.values() {
			if !slices.Contains(all, value) {
				all = append(all, value)
			}
		}
	}
	return all
}

// place puts the value into every field whose schema allows it, and returns these fields.
func (g fieldGroup) place(t *testing.T, d driver, in args, value wireValue) (args, fieldGroup) {
	t.Helper()
	var took fieldGroup
	for _, f := range g {
		filled := f.place(in, value)
		if f.conforms(value, f.in != "body" && d.name() == "rest") && expressible(t, d, f, value, filled) {
			in, took = filled, append(took, f)
		}
	}
	return in, took
}

// TestOddInputNeverFails tries every field with every value that its schema allows, including text
// that is known to break programs. Each is stored exactly or refused with a 4xx, and every surface
// does the same.
func TestOddInputNeverFails(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, alerting)
	w := newFixture(t, n, n.drivers()[0])
	taken := make(map[string]int)
	for _, g := range inputGroups() {
		operation := g[0].operation
		if operation == "Login" || operation == "ChangePassword" {
			continue // each call hashes a password; see TestOddLogins
		}
		for _, value := range g.values() {
			var first answer
			for _, d := range n.drivers() {
				in, took := g.place(t, d, w.arguments(matrixRow{operation: operation, target: "own"})[0], value)
				if len(took) == 0 {
					continue
				}
				a := d.call(t, operation, in, bearer(w.developer))
				if a.Status >= 500 {
					t.Errorf("%s: %s with %s = %.60s is answered %d %s", d.name(), operation, took[0].name, value.json, a.Status, a.Detail)
				}
				if a.Status < 300 {
					taken[operation] += len(took)
					w.checkReadBack(t, d, took, value, a, in)
				}
				if first.Status == 0 {
					first = a
				} else if g[0].sameOnAllSurfaces(value) && (a.Status != first.Status || a.Reason != first.Reason || !slices.Equal(a.Fields, first.Fields)) {
					t.Errorf("%s with %s = %.60s is answered %d %q %v and %d %q %v", operation, took[0].name, value.json,
						first.Status, first.Reason, first.Fields, a.Status, a.Reason, a.Fields)
				}
			}
		}
	}
	for operation := range readers {
		if taken[operation] < 10 {
			t.Errorf("%s took %d values", operation, taken[operation])
		}
	}
}

// checkReadBack fails the test unless the values read back as sent. Then it undoes the call.
func (w *fixture) checkReadBack(t *testing.T, d driver, took fieldGroup, value wireValue, a answer, in args) {
	t.Helper()
	operation := took[0].operation
	defer w.undo(t, operation, a, in)
	if readers[operation] == "" || took[0].in != "body" || took[0].name == "workouts" {
		return
	}
	shown := w.readWritten(t, d, operation, a, in)
	for _, f := range took {
		if f.name == "current_password" || f.name == "all_or_none" {
			continue
		}
		got := shown
		for name := range strings.SplitSeq(strings.TrimPrefix(f.name, "workouts[0]."), ".") {
			object, _ := got.(map[string]any)
			got = object[name]
		}
		if !sameValue(f, value, got) {
			t.Errorf("%s: %s with %s = %.60s reads back as %.80q", d.name(), operation, f.name, value.json, got)
		}
	}
}

// readWritten reads what a call wrote.
func (w *fixture) readWritten(t *testing.T, d driver, operation string, a answer, in args) any {
	t.Helper()
	switch reader := readers[operation]; reader {
	case "GetMe":
		return d.call(t, reader, nil, bearer(w.developer)).want(t, 200, "").Body
	case "GetApplication":
		return d.call(t, reader, args{"app_id": a.str("app_id")}, bearer(w.developer)).want(t, 200, "").Body
	case "ListWorkouts":
		all := args{"user_id": in["user_id"], "start_date": "0001-01-01", "end_date": "9999-12-31"}
		return w.upsertedItem(t, d.call(t, reader, all, bearer(w.developer)).want(t, 200, ""), a)
	default:
		return d.call(t, reader, args{"id": a.str("id")}, bearer(w.developer)).want(t, 200, "").Body
	}
}

// upsertedItem returns the listed workout that the upsert wrote.
func (w *fixture) upsertedItem(t *testing.T, list, upserted answer) any {
	t.Helper()
	id := upserted.list("items")[0].(map[string]any)["id"]
	for _, item := range list.list("data") {
		if item.(map[string]any)["id"] == id {
			return item
		}
	}
	t.Error("a workout that was stored is not in the list")
	return nil
}

// undo removes what a call created, so that the next call can create it again.
func (w *fixture) undo(t *testing.T, operation string, a answer, in args) {
	t.Helper()
	d := w.n.drivers()[0]
	switch operation {
	case "CreateUser":
		d.call(t, "DeleteUser", args{"id": a.str("id")}, bearer(w.admin)).want(t, 200, "")
	case "CreateKey":
		d.call(t, "DeleteKey", args{"id": a.str("id")}, bearer(w.admin)).want(t, 200, "")
	case "CreateApplication":
		d.call(t, "DeleteApplication", args{"app_id": a.str("app_id")}, bearer(w.admin)).want(t, 204, "")
	case "UpsertWorkouts":
		id := a.list("items")[0].(map[string]any)["id"]
		d.call(t, "DeleteWorkout", args{"user_id": in["user_id"], "workout_id": id}, bearer(w.admin)).want(t, 204, "")
	case "CreateInvitation":
		d.call(t, "RevokeInvitation", args{"id": a.str("id")}, bearer(w.admin)).want(t, 200, "")
	case "AcceptInvitation":
		w.makeInvitations(t)
	case "RefreshToken":
		w.refresh = a.str("refresh_token")
	}
}

// sameValue reports whether the value reads back as sent: text exactly, or without the spaces around
// it if the schema has a pattern for it, numbers exactly, times to the microsecond, heart rates to one
// decimal. For arrays and objects it reports only whether they are present.
func sameValue(f inputField, value wireValue, got any) bool {
	switch {
	case value.json == "null": // the default, or null
		return true
	case value.json[0] == '"' && f.schema.Format != "date-time":
		text := value.text
		if f.schema.Pattern != "" {
			text = strings.TrimFunc(text, func(r rune) bool { return unicode.Is(unicode.Zs, r) })
		}
		return got == text || f.schema.Type.Is("array")
	case value.json[0] == '"':
		shown, _ := got.(string)
		read, err := time.Parse(time.RFC3339, shown)
		want, _ := time.Parse(time.RFC3339, strings.ToUpper(value.text))
		return err == nil && read.Equal(want.Truncate(time.Microsecond))
	case value.json[0] == '[' || value.json[0] == '{':
		return got != nil
	default:
		if x, err := strconv.ParseFloat(value.json, 64); err == nil {
			if strings.HasSuffix(f.name, "_heart_rate_bpm") {
				x = math.Round(x*10) / 10
			}
			return got == x
		}
		return got == (value.json == "true")
	}
}

// TestInvalidUTF8InMessagesIsRefused puts invalid UTF-8 into every string of every binary message.
// The answer is a 422 that names the field, as for JSON.
func TestInvalidUTF8InMessagesIsRefused(t *testing.T) {
	n := start(t, unlimited, alerting)
	w := newFixture(t, n, n.drivers()[0])
	const placeholder = "~~~~"
	d := rpcDriver{n, protoType}
	tried := 0
	for _, f := range inputFields() {
		in := f.place(w.arguments(matrixRow{operation: f.operation, target: "own"})[0], textValue(placeholder))
		if !expressible(t, d, f, textValue(placeholder), in) {
			continue
		}
		tried++
		for _, raw := range []string{"a\xff\xfeb", "\xed\xa0\x80x", "\xf4\x90\x80\x80", "ab\xc3\x28"} {
			a := d.call(t, f.operation, in, bearer(w.developer), rewrite(placeholder, raw))
			if a.Status != 422 || a.Reason != "invalid_request" || !slices.Equal(a.Fields, []string{f.name}) {
				t.Errorf("%s with %s = %q is answered %d %q %v", f.operation, f.name, raw, a.Status, a.Reason, a.Fields)
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d strings were tried", tried)
	}
}

// rewrite replaces bytes of an encoded request body.
func rewrite(from, to string) option {
	return func(r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		withBody(strings.ReplaceAll(string(data), from, to))(r)
	}
}

// TestOddLogins checks that odd credentials are refused like any wrong ones.
func TestOddLogins(t *testing.T) {
	n := start(t, unlimited)
	drivers := n.drivers()
	for i, in := range []args{
		{"email": "", "password": n.password},
		{"email": "' OR '1'='1", "password": n.password},
		{"email": n.email + "\u00a0", "password": n.password},
		{"email": "\t" + n.email, "password": n.password},
		{"email": strings.Repeat("x", 10_000), "password": n.password},
		{"email": n.email, "password": ""},
		{"email": n.email, "password": "' OR '1'='1"},
		{"email": n.email, "password": n.password + " "},
		{"email": n.email, "password": strings.ToUpper(n.password)},
		{"email": n.email, "password": n.password[:len(n.password)-1]},
		{"email": n.email, "password": strings.Repeat("\U0001F600\u202e", 1000)},
	} {
		drivers[i%len(drivers)].call(t, "Login", in).want(t, 401, "invalid_credentials")
	}
	for _, d := range drivers {
		d.call(t, "Login", args{"email": " " + strings.ToUpper(n.email) + "  ", "password": n.password}).want(t, 200, "")
	}
}

// TestSearchIsLiteral checks that a search term is plain text: wildcards and quotes match only
// themselves.
func TestSearchIsLiteral(t *testing.T) {
	n := start(t, unlimited)
	admin, _ := n.login(t, restDriver{n})
	names := []string{"plain", "100%", "under_score", `back\slash`, "O'Brien", `"quoted"`, "semi;colon--", "nul\\0", "a%b", "a_b", "aXb", "\u0130stanbul"}
	for _, name := range names {
		n.drivers()[0].call(t, "CreateUser", args{"first_name": name}, bearer(admin)).want(t, 201, "")
	}
	for search, want := range map[string][]string{
		"%": {"100%", "a%b"}, "_": {"under_score", "a_b"}, `\`: {`back\slash`, "nul\\0"}, "'": {"O'Brien"}, `"`: {`"quoted"`}, ";": {"semi;colon--"}, "--": {"semi;colon--"},
		"a%b": {"a%b"}, "a_b": {"a_b"}, "%%": {}, "' OR '1'='1": {}, "PLAIN": {"plain"}, "": names, "*": {}, "?": {}, "\\%": {}, "\u0130": {"\u0130stanbul"}, "axB": {"aXb"},
	} {
		for _, d := range n.drivers() {
			a := d.call(t, "ListUsers", args{"search": search, "limit": 100}, bearer(admin)).want(t, 200, "")
			found := make(map[string]bool)
			for _, item := range a.list("items") {
				name, _ := item.(map[string]any)["first_name"].(string)
				found[name] = true
			}
			wanted := make(map[string]bool)
			for _, name := range want {
				wanted[name] = true
			}
			if !maps.Equal(found, wanted) {
				t.Errorf("%s: a search for %q finds %v, want %v", d.name(), search, found, wanted)
			}
		}
	}
}
