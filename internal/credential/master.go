package credential

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

// ErrWeakSecret matches every refusal of [NewVault]. The message says what is
// wrong and what to do, and repeats nothing of the secret.
var ErrWeakSecret = errors.New("weak master secret")

const (
	minMaster      = 32 // bytes
	minDistinct    = 8
	minUnguessable = 16
)

//go:embed weaksecrets.txt
var weakSecretsText string

// placeholderWords are the words of example secrets. They are removed in lower
// case and in this order: a word stands before every shorter one that it begins
// with.
var placeholderWords = []string{
	"openwearables", "wearables", "development", "environment", "authentication", "production",
	"administrator", "placeholder", "dontuse", "password", "passwort", "insecure", "security",
	"default", "example", "generate", "private", "replace", "session", "signing", "testing",
	"changeit", "changeme", "characters", "random", "secrets", "secret", "server", "string",
	"please", "should", "master", "length", "access", "refresh", "minimum", "really", "super",
	"change", "local", "token", "value", "least", "bytes", "before", "admin", "dummy", "strong",
	"with", "this", "that", "test", "temp", "your", "pass", "safe", "long", "very", "must", "open",
	"prod", "some", "here", "demo", "hmac", "auth", "user", "root", "key", "jwt", "bit", "api",
	"app", "dev", "not", "for", "the", "sha", "any", "use", "one", "abc", "xyz", "xxx", "foo",
	"bar", "my", "me", "in", "is", "be", "at", "to", "do", "it", "of",
}

// checkMaster refuses a secret that could be guessed offline from one token or
// one stored hash.
func checkMaster(master []byte) error {
	problem := ""
	switch {
	case len(master) < minMaster:
		problem = fmt.Sprintf("it is %d bytes long", len(master))
	case distinct(master) < minDistinct:
		problem = "it is made of too few different characters"
	case repeats(master):
		problem = "it is one text repeated"
	case counts(master):
		problem = "it is a plain sequence"
	case isPublished(string(master)):
		problem = "it is a published example"
	case len(withoutPlaceholders(string(master))) < minUnguessable:
		problem = "it is made of words that every attacker tries"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s; use at least %d random bytes, such as `openssl rand -base64 48` prints",
		ErrWeakSecret, problem, minMaster)
}

func distinct(b []byte) int {
	var seen [256]bool
	n := 0
	for _, c := range b {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// repeats reports whether b is one unit repeated. The last repetition may be
// cut short.
func repeats(b []byte) bool {
	for unit := 1; unit <= len(b)/2; unit++ {
		if string(b[unit:]) == string(b[:len(b)-unit]) {
			return true
		}
	}
	return false
}

// counts reports whether at least three in four steps lead to the next, the
// previous or the same byte.
func counts(b []byte) bool {
	steps := 0
	for i := 1; i < len(b); i++ {
		if d := int(b[i]) - int(b[i-1]); -1 <= d && d <= 1 {
			steps++
		}
	}
	return 4*steps >= 3*(len(b)-1)
}

// isPublished reports whether the secret is a published one, perhaps doubled or
// extended by a few characters.
func isPublished(secret string) bool {
	for line := range strings.Lines(weakSecretsText) {
		weak := strings.TrimSpace(line)
		if weak == "" || strings.HasPrefix(weak, "#") {
			continue
		}
		if rest := strings.ReplaceAll(secret, weak, ""); len(rest) < len(secret) && len(rest) < minUnguessable {
			return true
		}
	}
	return false
}

// withoutPlaceholders returns what an attacker's word list would not produce.
func withoutPlaceholders(secret string) string {
	rest := strings.ToLower(secret)
	for _, word := range placeholderWords {
		rest = strings.ReplaceAll(rest, word, "\x00")
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\x00-_ .,!?:;/'\"", r) {
			return -1
		}
		return r
	}, rest)
}
