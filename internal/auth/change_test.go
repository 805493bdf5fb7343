package auth

import "testing"

func TestChangeLeavesClearsOrSets(t *testing.T) {
	old, next := "old", "next"
	for name, c := range map[string]struct {
		change        Change[string]
		present, null bool
		want          *string
	}{
		"absent": {Change[string]{}, false, false, &old},
		"null":   {ChangeTo[string](nil), true, true, nil},
		"value":  {ChangeTo(&next), true, false, &next},
	} {
		member := &old
		if c.change.apply(&member); member != c.want {
			t.Errorf("%s: the member becomes %v", name, member)
		}
		if c.change.Present() != c.present || c.change.Null() != c.null {
			t.Errorf("%s: present %v, null %v", name, c.change.Present(), c.change.Null())
		}
	}
}
