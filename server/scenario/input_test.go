package scenario_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/dynamicpb"
)

// These tests take their fields from openapi.yaml. A new field is covered without a change here.

// wireValue is an encoded value: JSON for a body or an RPC message, text for a path or a query.
type wireValue struct{ json, text string }

// MarshalJSON returns the JSON unchanged, even if it contains invalid text.
func (w wireValue) MarshalJSON() ([]byte, error) { return []byte(w.json), nil }

func (w wireValue) String() string { return w.text }

// textValue returns the wire value of a string.
func textValue(s string) wireValue {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return wireValue{string(quoted), s}
}

// inputField is a parameter or body member of an operation.
type inputField struct {
	operation, name string // as in errors[], such as workouts[0].source.provider
	in              string // path, query or body
	schema          *openapi3.Schema
	required        bool
}

// inputFields returns every field of every operation in a fixed order.
func inputFields() []inputField {
	var all []inputField
	routes := restRouteOf()
	for _, operation := range slices.Sorted(maps.Keys(routes)) {
		o := routes[operation].operation
		for _, p := range o.Parameters {
			if p.Value.In != "header" {
				all = append(all, inputField{operation, p.Value.Name, p.Value.In, p.Value.Schema.Value, p.Value.Required})
			}
		}
		if o.RequestBody != nil {
			all = append(all, inputMembers(operation, "", o.RequestBody.Value.Content["application/json"].Schema.Value)...)
		}
	}
	return all
}

// inputMembers returns the fields of an object and of the objects in it.
func inputMembers(operation, prefix string, object *openapi3.Schema) []inputField {
	var all []inputField
	for _, name := range slices.Sorted(maps.Keys(object.Properties)) {
		s := object.Properties[name].Value
		f := inputField{operation, prefix + name, "body", s, slices.Contains(object.Required, name)}
		all = append(all, f)
		switch {
		case s.Type.Is("object"):
			all = append(all, inputMembers(operation, f.name+".", s)...)
		case s.Type.Is("array") && s.Items.Value.Type.Is("object"):
			all = append(all, inputMembers(operation, f.name+"[0].", s.Items.Value)...)
		case s.Type.Is("array"):
			all = append(all, inputField{operation, f.name + "[0]", "body", s.Items.Value, false})
		}
	}
	return all
}

// place returns a copy of the arguments with the value in the field. A nil value removes the field.
func (f inputField) place(in args, value any) args {
	out := make(args, len(in)+1)
	maps.Copy(out, in)
	head, rest, nested := strings.Cut(f.name, ".")
	list, isItem := strings.CutSuffix(head, "[0]")
	switch {
	case nested && isItem:
		item := maps.Clone(out[list].([]args)[0])
		out[list] = []args{inputField{name: rest}.place(item, value)}
	case nested:
		object, _ := out[head].(args)
		out[head] = inputField{name: rest}.place(object, value)
	case isItem:
		out[list] = []any{value}
	case value == nil:
		delete(out, head)
	default:
		out[head] = value
	}
	return out
}

// namedIn reports whether the refusal names the field or its parent.
func (f inputField) namedIn(a answer) bool {
	for _, got := range a.Fields {
		if got == f.name || got == strings.TrimSuffix(f.name, "[0]") || strings.HasPrefix(got, f.name+"[") || strings.HasPrefix(got, f.name+".") {
			return true
		}
	}
	return false
}

// conforms reports whether openapi.yaml allows the value, encoded for a URL or for JSON.
func (f inputField) conforms(value wireValue, inURL bool) bool {
	var v any
	switch {
	case slices.Contains(badText(), value):
		return false
	case inURL && !f.schema.Type.Is("integer"):
		v = value.text
	case json.Unmarshal([]byte(value.json), &v) != nil:
		return false // out of the range of float64
	case v == nil && f.in != "body":
		return !f.required
	}
	if s, ok := v.(string); ok && (f.schema.Format == "date-time" || f.schema.AnyOf != nil && rfc3339Form.MatchString(s)) {
		_, err := time.Parse(time.RFC3339, strings.ToUpper(s))
		return err == nil && rfc3339Form.MatchString(s)
	} else if ok && f.schema.Format == "uuid" {
		return uuidForm.MatchString(s)
	}
	return f.schema.VisitJSON(v) == nil
}

// rfc3339Form is what time.Parse does not insist on.
var rfc3339Form = regexp.MustCompile(`(?i)^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// badText returns text that every field refuses: U+0000 and invalid UTF-8, which includes half a
// surrogate pair in JSON.
func badText() []wireValue {
	return []wireValue{
		{`"a\u0000b"`, "a\x00b"}, {"\"a\xffb\"", "a\xffb"}, {"\"\xed\xa0\x80\"", "\xed\xa0\x80"}, {"\"\xc0\x80\"", "\xc0\x80"}, {`"\ud800"`, "\xed\xa0\x80"},
	}
}

// wrongTypes returns values of other types than the field's. A quoted number is never one of them,
// since protobuf's JSON accepts it as a number.
func (f inputField) wrongTypes() []wireValue {
	all := []wireValue{{"null", "null"}, {"7", "7"}, {"true", "true"}, {"[]", "[]"}, {"{}", "{}"}, {`["x"]`, `["x"]`}}
	switch s := f.schema; {
	case s.Type.Is("integer") || s.Type.Is("number"):
		for _, number := range []string{
			"1.5", "-1", "1e999", "-1e999", "2147483648", "9223372036854775808", "18446744073709551616", "0.1", "1e-320", "-0.0", "1e2", "36.0", "3600e-2",
			"1e999999999999", "1e-999999999999", "3600.5e0",
		} {
			all = append(all, wireValue{number, number})
		}
		return append(all, textValue("x"), textValue("NaN"), textValue("Infinity"), textValue("-Infinity"))
	case s.Type.Is("array"):
		return append(all, textValue("x"), wireValue{"[null]", "[null]"}, wireValue{"[[]]", "[[]]"}, wireValue{"[7]", "[7]"})
	case s.Type.Is("string"):
		return append(all, wireValue{"-1.5", "-1.5"})
	default:
		return append(all, textValue("true"), textValue("x"))
	}
}

// isPlain reports whether the schema is of a text without a form: it may rule characters out, but
// only those with a length.
func isPlain(s *openapi3.Schema) bool {
	return s.Type.Is("string") && s.Format == "" && s.Enum == nil && (s.Pattern == "" || s.MaxLength != nil)
}

// oddText returns text that is known to break programs, for the field's schema.
func (f inputField) oddText() []wireValue {
	texts := []string{"", "x", strings.Repeat("x", 10_000), "'; DROP TABLE users; --"}
	switch s := f.schema; {
	case s.Format == "uuid":
		texts = append(texts, "{00000000-0000-0000-0000-000000000000}", "urn:uuid:00000000-0000-0000-0000-000000000000",
			"00000000000000000000000000000000", "00000000-0000-0000-0000-00000000000g", "00000000-0000-0000-0000-000000000000\n")
	case s.Format == "date-time" || s.AnyOf != nil:
		texts = append(texts, "2099-01-02T03:04:05Z", "2099-01-02T03:04:05.123456789+14:00", "9999-12-31T23:59:59Z", "NaN", "Invalid Date", "2026-03-07",
			"2099-13-01T00:00:00Z", "2099-02-30T00:00:00Z", "2099-01-01 00:00:00Z", "2016-12-31T23:59:60Z", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
			"2099-01-01T25:00:00Z", "2099-01-01T00:00:00+25:00", "2099-01-01T1:00:00Z", "2099-01-01T01:00:00,5Z", "2099-01-01T01:00:00+1:00",
			"2099-01-01t01:00:00.1234567890123z", "2099-01-01T01:00:00.9999999Z", "0001-01-01T00:00:00+00:01", "2099-01-01T01:00Z", "1709809200", "\u0661\u0662")
	case s.Enum != nil:
		texts = append(texts, strings.ToUpper(s.Enum[0].(string)), s.Enum[0].(string)+" ")
	case !isPlain(s):
		texts = append(texts, "a@b", "A@B.example", "\u00e4@\u00f6.example", "a b@c", "@", "a@", "@b", "a@b@c", "+02:00", "-14:59", "+2:00", "-15:00", "Z", "z", "+02:60")
	case f.in == "query" || readers[f.operation] != "":
		texts = append(texts, freeText...)
	}
	if most := f.schema.MaxLength; most != nil {
		texts = append(texts, strings.Repeat("\u00e9", int(*most)), strings.Repeat("\U0001F600", int(*most)), strings.Repeat("x", int(*most)+1))
	}
	all := make([]wireValue, len(texts))
	for i, t := range texts {
		all[i] = textValue(t)
	}
	return all
}

var freeText = []string{
	" ", "\t\r\n x \u00a0", "\x01\x1b[31m\x7f\u0085", "\ufeff\u200b\u200d\u202edrow\u202c\u2060\u2028\u2029", "\ufffd\ufffe\U0010ffff",
	"e\u0301\u1e9b\u0323\u0130\u0131\ufb00\u00dfZ\u0351\u0343", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
	"<script>alert(1)</script>&amp;${jndi:ldap://127.0.0.1/a}{{7*7}}%s%n%00../../../etc/passwd", "\\ \\u0000 \" ' `", "' OR '1'='1", `" OR ""="`,
	"%' UNION SELECT * FROM developers --", "') OR 1=1 /*", "?1 :name $1 @p", "%", "_", "NaN", "null", "0", "1e3", "0x10", "\uff11",
}

// boundaries returns the numbers around the field's bounds.
func (f inputField) boundaries() []wireValue {
	var all []wireValue
	for _, bound := range []*float64{f.schema.Min, f.schema.Max} {
		for _, step := range []float64{-1, 0, 1} {
			if bound != nil {
				t := strconv.FormatFloat(*bound+step, 'f', -1, 64)
				all = append(all, wireValue{t, t})
			}
		}
	}
	return all
}

// values returns every value to try on the field.
func (f inputField) values() []wireValue {
	all := append(badText(), f.wrongTypes()...)
	s := f.schema
	switch {
	case s.Type.Is("integer") || s.Type.Is("number"):
		return append(all, f.boundaries()...)
	case s.Type.Is("array"):
		item := `"users:read"`
		if s.Items.Value.Type.Is("object") {
			item = string(mustJSON(someWorkout()))
		}
		all = append(all, wireValue{"[" + item + "," + item + "]", ""})
		if s.MaxItems != nil {
			all = append(all, wireValue{"[" + strings.Repeat(item+",", int(*s.MaxItems)) + item + "]", ""})
		}
		return all
	case s.Type.Is("object") || s.Type.Is("boolean"):
		return all
	}
	return append(all, f.oddText()...)
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// TestBadInput tries every field of every operation with invalid values. Each is a 422 that names
// the field, the same on every surface, and stores nothing. TestOddInputNeverFails tries the valid
// ones.
func TestBadInput(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, alerting)
	w := newFixture(t, n, n.drivers()[0])
	tried := 0
	for _, f := range inputFields() {
		before := w.snapshot(t)
		base := w.arguments(matrixRow{operation: f.operation, target: "own"})[0]
		if f.required && f.in != "path" {
			w.wantRefused(t, f, wireValue{"missing", ""}, f.place(base, nil), n.drivers())
		}
		for _, value := range f.values() {
			in := f.place(base, value)
			drivers := slices.DeleteFunc(n.drivers(), func(d driver) bool {
				return f.conforms(value, f.in != "body" && d.name() == "rest") || !expressible(t, d, f, value, in)
			})
			w.wantRefused(t, f, value, in, drivers)
			tried += len(drivers)
		}
		if after := w.snapshot(t); after != before {
			t.Errorf("%s with a bad %s was refused and changed\n%s\nto\n%s", f.operation, f.name, before, after)
		}
	}
	if tried < 2000 {
		t.Errorf("only %d bad values were tried", tried)
	}
}

// wantRefused fails the test unless every surface refuses the arguments in the same way.
func (w *fixture) wantRefused(t *testing.T, f inputField, value wireValue, in args, drivers []driver) {
	t.Helper()
	var first answer
	for i, d := range drivers {
		a := d.call(t, f.operation, in, bearer(w.developer))
		if a.Status != 422 || a.Reason != "invalid_request" || !f.namedIn(a) {
			t.Errorf("%s: %s with %s = %.60s: answered %d %q %v (%s)", d.name(), f.operation, f.name, value.json, a.Status, a.Reason, a.Fields, a.Detail)
		}
		if i == 0 {
			first = a
		} else if f.sameOnAllSurfaces(value) && (a.Detail != first.Detail || !slices.Equal(a.Fields, first.Fields)) {
			t.Errorf("%s with %s = %.60s: %s says %q %v, %s says %q %v", f.operation, f.name, value.json,
				drivers[0].name(), first.Detail, first.Fields, d.name(), a.Detail, a.Fields)
		}
	}
}

// sameOnAllSurfaces reports whether the value means the same on every surface. In a URL everything
// is text. Protobuf has NaN, takes a number in quotes, and has no null in a list.
func (f inputField) sameOnAllSurfaces(value wireValue) bool {
	quoted := value.json[0] == '"'
	switch {
	case f.in != "body" && (slices.Contains(badText(), value) || value.json == "null"):
		return false
	case f.schema.Type.Is("integer"):
		return true
	case f.schema.Type.Is("number"):
		return !quoted
	case f.in != "body":
		return quoted
	default:
		list := strings.HasPrefix(f.name, "scopes") || strings.HasPrefix(f.name, "allowed_networks") || strings.HasPrefix(f.name, "kinds")
		return value.json != "[null]" && !list
	}
}

// expressible reports whether the surface can send the value in this field.
func expressible(t *testing.T, d driver, f inputField, value wireValue, in args) bool {
	t.Helper()
	rpc, ok := d.(rpcDriver)
	if !ok {
		return f.in != "path" || value.text != "" // an empty segment makes another path
	}
	if rpc.media == jsonType {
		return true
	}
	if f.schema.Type.Is("array") && value.json == "[]" && !f.required {
		return false // the binary form of protobuf has no empty list
	}
	if f.schema.Format == "date-time" && !f.conforms(value, false) {
		return false // the client would refuse it, or make another of it
	}
	m := method(f.operation)
	return (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(encode(t, rpcArgs(m, in)), dynamicpb.NewMessage(m.Input())) == nil
}

// snapshot returns everything that the account has stored.
func (w *fixture) snapshot(t *testing.T) string {
	t.Helper()
	d := w.n.drivers()[0]
	var all strings.Builder
	for _, operation := range []string{"GetMe", "ListSessions", "ListKeys", "ListApplications", "ListUsers", "ListWorkouts", "ListWebhookEndpoints"} {
		in := args{"limit": 100}
		if operation == "ListWorkouts" {
			in = args{"user_id": w.user, "start_date": "0001-01-01", "end_date": "9999-12-31"}
		}
		a := d.call(t, operation, in, bearer(w.admin)).want(t, 200, "")
		all.WriteString(operation + lastUsed.ReplaceAllString(string(encode(t, a.Body)), ""))
	}
	return all.String()
}

var lastUsed = regexp.MustCompile(`"last_used_(at|ip|client|operation)":"[^"]*",?`)
