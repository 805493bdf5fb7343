package jsonbody_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/openwearables/openwearables/internal/jsonbody"
)

func nested(open, end string, levels int) string {
	return `{"a":` + strings.Repeat(open, levels-1) + `0` + strings.Repeat(end, levels-1) + `}`
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%x":0`, i)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func TestCheckAccepts(t *testing.T) {
	for name, body := range map[string]string{
		"an empty object":              `{}`,
		"white space around it":        " \t\r\n{ } \n",
		"every kind of value":          `{"a":null,"b":true,"c":false,"d":-1.5e3,"e":"x","f":[],"g":{}}`,
		"numbers of any size":          `{"a":1e999999,"b":` + strings.Repeat("9", 5000) + `,"c":-0}`,
		"any Unicode":                  "{\"名前\":\"🏃🏽\u200d♀️ \u202e é e\u0301 \\u202e \\ud83c\\udfc3\"}",
		"an escaped backslash, u0000":  `{"a":"\\u0000","b\\u0000":1}`,
		"names that differ in case":    `{"name":1,"NAME":2}`,
		"the same name in two objects": `{"a":{"a":[{"a":1},{"a":2}]}}`,
		"32 levels of arrays":          nested("[", "]", 32),
		"32 levels of objects":         nested(`{"a":`, "}", 32),
		"an empty name":                `{"":1}`,
		"as many members as may be":    members(jsonbody.MaxMembers),
		"more elements than that":      `{"a":["` + strings.Repeat(`x","`, 2*jsonbody.MaxMembers) + `"]}`,
		"controls, escaped":            `{"a":"\u0001\n\u001f"}`,
	} {
		if err := jsonbody.Check([]byte(body), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	const (
		once      = "must be given only once"
		surrogate = "must not hold half of a surrogate pair"
		encoding  = "must be valid UTF-8"
		nul       = "must not hold U+0000"
		nulName   = "must not have a member whose name holds U+0000"
		after     = "must hold nothing after the JSON object"
		object    = "must be a JSON object"
		early     = "must be complete JSON: it ends too early"
		deep      = "must not be nested deeper than 32 levels"
		bom       = "must not begin with a byte order mark"
	)
	at := func(n int) string { return fmt.Sprint("must be valid JSON: the fault is at byte ", n) }
	for _, c := range []struct{ body, field, problem string }{
		{` `, "", object},
		{`[]`, "", object},
		{`"x"`, "", object},
		{`null`, "", object},
		{`]`, "", object},
		{`{`, "", early},
		{`{"a":`, "", early},
		{`{"a":"x`, "", early},
		{`{}{}`, "", after},
		{`{} null`, "", after},
		{`{}}`, "", after},
		{"{}\x00", "", after},
		{"{}\xff", "", after},
		{"\xef\xbb\xbf{}", "", bom},
		{"\xff\xfe{\x00}\x00", "", encoding},

		{`{"a":1,"a":1}`, "a", once},
		{`{"a":{"b":1,"c":2,"b":3}}`, "a.b", once},
		{`{"workouts":[{},{"x":1,"\u0078":2}]}`, "workouts[1].x", once},
		{`{"` + strings.Repeat("n", 2000) + `":1,"` + strings.Repeat("n", 2000) + `":1}`, "", once},
		{members(jsonbody.MaxMembers + 1), "", "must not have more than 10000 members"},
		{`{"a":[` + members(jsonbody.MaxMembers+1) + `]}`, "a[0]", "must not have more than 10000 members"},

		{"{\"a\":\"x\xff\"}", "a", encoding},
		{"{\"a\":{\"b\xc0\xaf\":1}}", "a", encoding},
		{"{\"a\":\"\xed\xa0\x80\"}", "a", encoding},
		{`{"a":"\ud800"}`, "a", surrogate},
		{`{"a":["x","y\uDFFFz"]}`, "a[1]", surrogate},
		{`{"a":"\uD800\u0041"}`, "a", surrogate},
		{`{"a\udc00":1}`, "", surrogate},

		{`{"a":"\u0000"}`, "a", nul},
		{`{"a":["b","x\u0000y"]}`, "a[1]", nul},
		{`{"a":"\\\u0000"}`, "a", nul},
		{"{\"a\":\"x\x00\"}", "a", nul},
		{`{"a\u0000":1}`, "", nulName},
		{`{"workouts":[{"x":1,"\u0000":1}]}`, "workouts[0]", nulName},

		{nested("[", "]", 33), "", deep},
		{nested(`{"a":`, "}", 33), "", deep},
		{nested("[", "]", 10_000), "", deep},
		{`{"a":` + strings.Repeat("[", 33), "", deep},

		{`{"a":01}`, "", at(6)},
		{`{a:1}`, "", at(1)},
		{`{1:1}`, "", at(1)},
		{`{'a':1}`, "", at(1)},
		{`{"a":tru}`, "a", at(8)},
		{`{"a":NaN}`, "a", at(5)},
		{`{"a":1,}`, "", at(6)},
		{`{"a":[1,]}`, "a", at(7)},
		{`{"a":1]`, "", at(6)},
		{`{"a":"\x"}`, "a", at(6)},
		{"{\"a\":\"x\n\"}", "a", at(7)},
		{`/**/{}`, "", at(0)},
	} {
		var e *jsonbody.Error
		if err := jsonbody.Check([]byte(c.body), nil); !errors.As(err, &e) {
			t.Errorf("%.60q: %v", c.body, err)
		} else if e.Field != c.field || e.Problem != c.problem {
			t.Errorf("%.60q:\n got %q %q\nwant %q %q", c.body, e.Field, e.Problem, c.field, c.problem)
		}
	}
}

// A list of the outermost object is refused at the first item too many. A list of
// the same name elsewhere, and any other list, may have any number.
func TestCheckCountsItems(t *testing.T) {
	maxItems := map[string]int{"a": 2, "b/~": 3}
	for body, field := range map[string]string{
		`{"a":[]}`:                              "",
		`{"a":[1,[2,3,4]]}`:                     "",
		`{"a":[{"a":[1,2,3]},{"x":{"a":[]}}]}`:  "",
		`{"x":{"a":[1,2,3]},"y":[[1,2,3]]}`:     "",
		`{"a":{"a":[1,2,3]},"A":[1,2,3]}`:       "",
		`{"a":[1,2],"c":[1,2,3],"b/~":[1,2,3]}`: "",
		`{"a":"x","c":1,"d":[1,2,3]}`:           "",
		`{"a":[1,2,3`:                           "a",
		`{"a":["x","y","z"]}`:                   "a",
		`{"a":[{},[],null]}`:                    "a",
		`{"a":[{"x":[1]},{"x":[1]},{"\xff`:      "a",
		`{"\u0061":[[],[],[`:                    "a",
		`{"x":[1,2,3],"b/~":[1,2,3,{}]}`:        "b/~",
	} {
		err := jsonbody.Check([]byte(body), maxItems)
		var e *jsonbody.Error
		if field == "" && err != nil || field != "" && (!errors.As(err, &e) || e.Field != field || !strings.HasPrefix(e.Problem, "must hold at most ")) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// An escaped U+0000 inside an item of a bounded list is left to who reads the item.
func TestCheckLeavesItemsAlone(t *testing.T) {
	maxItems := map[string]int{"a": 2}
	for body, field := range map[string]string{
		`{"a":[{"x":"\u0000"},{"\u0000":["\u0000"]}]}`: "",
		`{"a":["\u0000"]}`:                    "a[0]",
		`{"a":[{}],"b":{"c":{"d":"\u0000"}}}`: "b.c.d",
		`{"b":[{"x":"\u0000"}],"a":[{}]}`:     "b[0].x",
		`{"a":[{"x":"\u0000","x":1}]}`:        "a[0].x",
	} {
		err := jsonbody.Check([]byte(body), maxItems)
		var e *jsonbody.Error
		if field == "" && err != nil || field != "" && (!errors.As(err, &e) || e.Field != field) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// No part of a value that was sent is in the error, wherever the fault lies.
func TestErrorsEchoNoValue(t *testing.T) {
	const value = "correct-horse-battery"
	whole := `{"email":"a@example.com","password":"` + value + `","n":[1,true,null]}`
	faults := 0
	for i := range len(whole) + 1 {
		for _, fault := range []string{"\xff", "\x00", `\ud800`, `\q`, `}`, `"`, "é", "\n", "x"} {
			err := jsonbody.Check([]byte(whole[:i]+fault+whole[i:]), nil)
			if err == nil {
				continue
			}
			faults++
			for from := 0; from+4 <= len(value); from++ {
				if strings.Contains(err.Error(), value[from:from+4]) {
					t.Fatalf("%q at %d: %v", fault, i, err)
				}
			}
		}
	}
	if faults < 500 {
		t.Errorf("only %d faults", faults)
	}
}

func TestErrorsNameFieldAndProblem(t *testing.T) {
	for want, e := range map[string]*jsonbody.Error{
		"the body must be a JSON object": {Problem: "must be a JSON object"},
		"a.b must be given only once":    {Field: "a.b", Problem: "must be given only once"},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

func TestFieldSpellsAPointer(t *testing.T) {
	for pointer, want := range map[string]string{
		"":                             "",
		"/name":                        "name",
		"/workouts/3/end_time":         "workouts[3].end_time",
		"/workouts/0/source/provider":  "workouts[0].source.provider",
		"/0":                           "[0]",
		"/a/0/1":                       "a[0][1]",
		"/a~1b/c~0d":                   "a/b.c~d",
		"/a/-":                         "a.-",
		"/a/":                          "a.",
		"/a\xff":                       "a\uFFFD",
		"/" + strings.Repeat("n", 255): strings.Repeat("n", 255),
		"/" + strings.Repeat("n", 256): "",
		strings.Repeat("/12", 1000):    "",
	} {
		if got := jsonbody.Field(pointer); got != want {
			t.Errorf("%.40q: %.60q, want %.60q", pointer, got, want)
		}
	}
}

// Depth and number of members cost no more than the bytes before the bound.
func TestHostileBodiesAreCheap(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		most uint64 // bytes allocated
	}{
		"deep arrays":       {nested("[", "]", 4_000_000), 64 << 10},
		"deep objects":      {nested(`{"a":`, "}", 1_000_000), 64 << 10},
		"a million members": {members(1_000_000), 8 << 20},
		"one long string":   {`{"a":"` + strings.Repeat("x", 8<<20) + `"}`, 64 << 10},
		"one long name":     {`{"` + strings.Repeat("x", 4<<20) + `":1}`, 32 << 20},
	} {
		body := []byte(c.body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = jsonbody.Check(body, nil)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > c.most {
			t.Errorf("%s: %d KiB allocated", name, got>>10)
		}
	}
}

func TestCheckIsSafeForConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			bad := []byte(fmt.Sprintf(`{"f%d":{"x":1,"x":2}}`, i))
			for range 200 {
				var e *jsonbody.Error
				if err := jsonbody.Check(bad, nil); !errors.As(err, &e) || e.Field != fmt.Sprintf("f%d.x", i) {
					t.Errorf("%s: %v", bad, err)
				}
				if err := jsonbody.Check([]byte(`{"x":[1,2,3]}`), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A pooled reader may have to be made anew; beyond that nothing is allocated,
// however many tokens there are.
func TestCheckAllocatesNothingByToken(t *testing.T) {
	maxItems := map[string]int{"workouts": 200}
	for _, n := range []int{1, 20, 200} {
		body := workouts(n)
		if n := testing.AllocsPerRun(100, func() { _ = jsonbody.Check(body, maxItems) }); n > 16 {
			t.Errorf("%d bytes: %v allocations", len(body), n)
		}
	}
}

// FuzzCheck holds Check against the standard library and the definition: what
// passes is an object to both, holds none of what is refused, and is distinguished
// from the same with one thing added.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,{"b":"\u0000"}]}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
		nested("[", "]", 33), string(login), "\xef\xbb\xbf{}", `{"a":"\\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		given := bytes.Clone(body)
		err := jsonbody.Check(body, nil)
		if !bytes.Equal(given, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			var e *jsonbody.Error
			if !errors.As(err, &e) || e.Problem == "" || len(e.Field) > 3*255 || strings.ContainsFunc(e.Field, unprintable) {
				t.Fatalf("%#v", err)
			}
			if fits(body) {
				t.Fatalf("refused a body that fits: %v", err)
			}
			return
		}
		if !fits(body) {
			t.Fatalf("accepted %q", body)
		}
		for _, more := range []string{"{}", "\x00", "x", `"`} {
			if jsonbody.Check(append(bytes.Clone(body), more...), nil) == nil {
				t.Fatalf("accepted %q after the object", more)
			}
		}
	})
}

// fits is the definition of a good body, without regard to cost.
func fits(body []byte) bool {
	var object map[string]any
	if !utf8.Valid(body) || !jsontext.Value(body).IsValid() || json.Unmarshal(body, &object) != nil || object == nil {
		return false
	}
	return fitsValue(object, 1)
}

func fitsValue(v any, depth int) bool {
	switch v := v.(type) {
	case string:
		return !strings.ContainsRune(v, 0)
	case map[string]any:
		for name, member := range v {
			if !fitsValue(name, depth) || !fitsValue(member, depth+1) {
				return false
			}
		}
		return depth <= jsonbody.MaxDepth && len(v) <= jsonbody.MaxMembers
	case []any:
		for _, element := range v {
			if !fitsValue(element, depth+1) {
				return false
			}
		}
		return depth <= jsonbody.MaxDepth
	default:
		return true
	}
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func FuzzField(f *testing.F) {
	f.Add("/workouts/3/end_time")
	f.Add("a~1//\xff/0")
	f.Fuzz(func(t *testing.T, pointer string) {
		if got := jsonbody.Field(pointer); len(got) > 3*255 || strings.ContainsFunc(got, unprintable) {
			t.Fatalf("%q", got)
		}
	})
}

var login = []byte(`{"email":"dev@example.com","password":"violet otter canyon"}`)

func workouts(n int) []byte {
	one := `{"external_id":"w-%d","type":"running","start_time":"2026-03-02T07:00:00Z","end_time":"2026-03-02T07:30:00Z",` +
		`"distance_meters":5000,"source":{"provider":"apple","device":"watch"}}`
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(one, i)
	}
	return []byte(`{"workouts":[` + strings.Join(items, ",") + `]}`)
}

func BenchmarkCheck(b *testing.B) {
	for name, body := range map[string][]byte{
		"login": login, "workouts=1000": workouts(1000), "deep": []byte(nested("[", "]", 10_000)),
		"members": []byte(members(jsonbody.MaxMembers)),
	} {
		b.Run(name, func(b *testing.B) {
			maxItems := map[string]int{"workouts": 1000}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				_ = jsonbody.Check(body, maxItems)
			}
		})
	}
}
