package credential_test

import "testing"

func TestCursorOpensOnlyWithItsFilters(t *testing.T) {
	type place struct {
		Name string `json:"n"`
		Page int    `json:"p"`
	}
	v := newVault(t, "cursors")
	sealed, err := v.SealCursor([]byte("users:asc"), place{"Ada", 2})
	if err != nil {
		t.Fatal(err)
	}
	var got place
	if !v.OpenCursor([]byte("users:asc"), sealed, &got) || got != (place{"Ada", 2}) {
		t.Errorf("the cursor opens as %v", got)
	}
	for name, opened := range map[string]bool{
		"other filters":  v.OpenCursor([]byte("users:desc"), sealed, &got),
		"no filters":     v.OpenCursor(nil, sealed, &got),
		"another vault":  newVault(t, "others").OpenCursor([]byte("users:asc"), sealed, &got),
		"an altered one": v.OpenCursor([]byte("users:asc"), "B"+sealed[1:], &got),
		"padding":        v.OpenCursor([]byte("users:asc"), sealed+"=", &got),
		"nothing":        v.OpenCursor([]byte("users:asc"), "", &got),
	} {
		if opened {
			t.Errorf("a cursor opens with %s", name)
		}
	}
}
