package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/openwearables/openwearables/internal/problem"
)

// maxDomain bounds the domains that are converted, in bytes. None in an address is
// longer, and the conversion takes time that grows with the square.
const maxDomain = 4 * problem.MaxEmail

// checkEmail checks an address and returns it without the spaces around it. It has
// text, an @, and a domain that DNS can have, and no character that cannot be seen.
func checkEmail(v *problem.Check, field, s string) string {
	email := trimEmail(s)
	if !v.Text(field, email, 3, problem.MaxEmail) {
		return email
	}
	local, domain, _ := strings.Cut(email, "@")
	_, ok := asciiDomain(domain)
	switch {
	case strings.ContainsFunc(email, isInvisible):
		v.Fail(field, "must hold no space and no invisible character")
	case local == "" || domain == "" || strings.Contains(domain, "@"):
		v.Fail(field, "must be an email address")
	case !ok:
		v.Fail(field, "must have a domain name after the @")
	}
	return email
}

// EmailKeys returns the keys under which an address may be stored, the likelier last.
// The last is the one that FoldEmail returns; only an address that is not ASCII has
// another, ExactEmail's.
func EmailKeys(email string) []string {
	if isASCII(email) {
		return []string{FoldEmail(email)}
	}
	return []string{ExactEmail(email), FoldEmail(email)}
}

// FoldEmail returns the form in which addresses are compared: without regard to case,
// letter by letter (ß is not ss), and with the domain as DNS has it (IDNA).
func FoldEmail(email string) string {
	email = trimEmail(email)
	at := strings.LastIndexByte(email, '@')
	if domain, ok := asciiDomain(email[at+1:]); ok && at >= 0 {
		return foldLetters(email[:at]) + "@" + domain
	}
	return foldLetters(email)
}

// ExactEmail returns the key of a stored address that FoldEmail takes for another
// one's: it is found as it is written, and not otherwise. No other key begins with a
// space.
func ExactEmail(email string) string { return " " + trimEmail(email) }

func trimEmail(s string) string { return strings.Trim(s, " ") }

// asciiDomain returns the domain in ASCII and in lower case. It is false for a domain
// that has no such form.
func asciiDomain(domain string) (string, bool) {
	switch {
	case isASCII(domain):
		return strings.ToLower(domain), true
	case len(domain) > maxDomain:
		return "", false
	}
	// Folded first, since IDNA takes the capital ẞ for ss.
	ascii, err := idna.Lookup.ToASCII(foldLetters(domain))
	return ascii, err == nil && ascii != ""
}

// foldLetters folds each character by itself (simple case folding).
func foldLetters(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return norm.NFC.String(strings.Map(foldLetter, norm.NFC.String(s)))
}

// foldLetter returns the one letter that stands for all that differ from r in case
// only. The dotless ı and the dotted İ differ from i.
func foldLetter(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if least == r && unicode.SimpleFold(r) == r {
		return r
	}
	return unicode.ToLower(least)
}

// isInvisible reports whether the character is a space or shows nothing.
func isInvisible(r rune) bool {
	return r == ' ' || !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
