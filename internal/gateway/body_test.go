package gateway

import (
	"encoding/json"
	"testing"
)

// An upload that names no provider gets the one of its path, and one that does keeps it:
// of two members of one name a reader of JSON takes the later.
func TestProviderOfThePath(t *testing.T) {
	r := &Route{provider: "apple"}
	for body, want := range map[string]string{
		`{"data":{}}`: "apple", `{}`: "apple", " \r\n\t{ \n}": "apple", `{"provider":"samsung"}`: "samsung",
		`{"data":{"provider":"x"},"provider":"google"}`: "google", `{"data":{"provider":"x"}}`: "apple",
	} {
		insert, at := r.insertion([]byte(body))
		var read struct{ Provider string }
		if err := json.Unmarshal([]byte(body[:at]+string(insert)+body[at:]), &read); err != nil || read.Provider != want {
			t.Errorf("%s becomes %q, %v", body, read.Provider, err)
		}
	}
	for _, body := range []string{"", "[]", "nothing", "\ufeff{}"} {
		if insert, at := r.insertion([]byte(body)); insert != nil || at != 0 {
			t.Errorf("%q is changed by %q at %d", body, insert, at)
		}
	}
	if insert, _ := (&Route{}).insertion([]byte("{}")); insert != nil {
		t.Errorf("a route without a provider inserts %q", insert)
	}
}
