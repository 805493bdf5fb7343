package auth

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/openwearables/openwearables/internal/problem"
)

func TestFoldEmail(t *testing.T) {
	for _, same := range [][]string{
		{"dev@example.com", "DEV@Example.COM", " dev@example.com ", "dev@\uff25xample.com", "dev@example\u3002com"},
		{"info@stra\u00dfe.de", "INFO@STRA\u1e9eE.DE", "info@xn--strae-oqa.de", "Info@XN--STRAE-OQA.de"},
		{"info@strasse.de", "INFO@STRASSE.DE"},
		{"stra\u00dfe@a.de", "STRA\u1e9eE@a.de"},
		{"strasse@a.de"},
		{"z\u00e9@a.de", "ze\u0301@a.de", "Z\u00c9@A.de"},
		{"\u212aelvin@a.de", "kelvin@a.de"},
		{"i@a.de", "I@a.de"},
		{"\u0130@a.de"},
		{"\u0131@a.de"},
		{"\u03c3@a.de", "\u03a3@a.de", "\u03c2@a.de"},
		{"x@m\u00fcnchen.de", "x@xn--mnchen-3ya.de", "x@mu\u0308nchen.de", "x@M\u00dcNCHEN.de"},
	} {
		key := FoldEmail(same[0])
		if FoldEmail(key) != key {
			t.Errorf("the key %q has another", key)
		}
		for _, email := range same {
			if got := FoldEmail(email); got != key {
				t.Errorf("%q is %q, and %q is %q", same[0], key, email, got)
			}
		}
	}
	if a, b := FoldEmail("info@stra\u00dfe.de"), FoldEmail("info@strasse.de"); a == b {
		t.Errorf("both are %q", a)
	}
	if FoldEmail("\u0131@a") == FoldEmail("i@a") || FoldEmail("\u0130@a") == FoldEmail("i@a") || FoldEmail("stra\u00dfe@a") == FoldEmail("strasse@a") {
		t.Error("a letter is folded to another one")
	}
}

// Every letter is folded alone: to one that folds to itself, and that ASCII has too if
// the letter is ASCII.
func TestFoldLetterIsOneToOne(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		folded := foldLetter(r)
		if foldLetter(folded) != folded || !strings.EqualFold(string(folded), string(r)) && r != unicode.ReplacementChar && (r < 0xd800 || r > 0xdfff) {
			t.Fatalf("%U is folded to %U, and that to %U", r, folded, foldLetter(folded))
		}
	}
}

// A long text is no work to speak of, although its domain is not ASCII.
func TestFoldEmailIsBounded(t *testing.T) {
	var long strings.Builder
	for r := rune(0x4e00); long.Len() < 1<<18; r = 0x4e00 + (r-0x4e00+1)%20_000 {
		long.WriteRune(r)
	}
	begun := time.Now()
	FoldEmail("a@" + long.String())
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCheckEmail(t *testing.T) {
	for _, good := range []string{
		"a@b", "dev@localhost", "d'\u00e9+x@under_score.example", "x@[192.0.2.1]", " dev@example.com  ", "\u7528\u6237@\u4f8b\u5b50.\u6d4b\u8bd5", strings.Repeat("a", 250) + "@b.c",
	} {
		var v problem.Check
		if got := checkEmail(&v, "email", good); v.Err() != nil || got != strings.Trim(good, " ") {
			t.Errorf("%q is %q, %v", good, got, v.Err())
		}
	}
	for _, bad := range []string{
		"", "a@", "@b", "a@b@c", "a b@c", "a@b c", "dev@example.com\u00a0", "\u00a0dev@example.com", "de\u00a0v@example.com", "dev\u200b@example.com", "\ufeffdev@example.com",
		"dev@exam\u00adple.com", "dev@example.com\n", "\tdev@example.com", "dev\x7f@example.com", "dev\u0085@example.com", "dev\u202e@example.com", "dev\u2028@example.com",
		"dev\ufe0f@example.com", "dev\u034f@example.com", "dev\u3164@example.com", "dev\U000e0041@example.com", "dev\ue000@example.com", "dev@exa\uff20mple.com",
		"dev@exa\u2100mple.com", "dev@\u00fc_.de", strings.Repeat("a", 251) + "@b.c", "a@\xff",
	} {
		var v problem.Check
		if checkEmail(&v, "email", bad); v.Err() == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
