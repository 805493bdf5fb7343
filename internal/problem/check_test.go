package problem_test

import (
	"testing"
	"unicode"

	"github.com/openwearables/openwearables/internal/problem"
)

// A name holds no character that Unicode calls a control, a separator of lines, or one
// of direction, and may hold every other one.
func TestNamesHoldNoControlCharacter(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if r == 0xd800 {
			r = 0xe000 // surrogates are no characters
		}
		var v problem.Check
		v.Name("name", "a"+string(r)+"b", 1, 3)
		if control := unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control); control != (v.Err() != nil) {
			t.Fatalf("%U: %v", r, v.Err())
		}
	}
}
