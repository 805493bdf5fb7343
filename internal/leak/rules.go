package leak

import (
	"fmt"
	"strings"
)

// pattern returns a regular expression of RE2 for the secrets of the kind. What
// comes before a secret may be anything, as in "%3Dow_live_"; what follows may
// not go on in its alphabet, so that longer text such as a hash is none.
func (k *secretKind) pattern() string {
	return fmt.Sprintf(`%s[0-9a-z]{%d}\b`, k.prefix, k.prefix.Len()-len(k.prefix))
}

const rulesNote = `# Secrets of Open Wearables for %s, by their form.
# It cannot compute their checksums: openwearables scan can, and takes no look-alike for one.
`

// GitleaksRules returns rules for the configuration of gitleaks.
func GitleaksRules() string {
	var b strings.Builder
	fmt.Fprintf(&b, rulesNote, "gitleaks")
	for i := range kinds {
		k := &kinds[i]
		fmt.Fprintf(&b, "\n[[rules]]\nid = %q\ndescription = %q\nregex = '''%s'''\nkeywords = [%q]\n",
			k.rule(), "Open Wearables "+k.title, k.pattern(), k.prefix)
	}
	return b.String()
}

// TruffleHogDetectors returns custom detectors for the configuration of
// trufflehog. Each kind has its own, since every expression of one detector must
// match.
func TruffleHogDetectors() string {
	var b strings.Builder
	fmt.Fprintf(&b, rulesNote, "trufflehog")
	b.WriteString("\ndetectors:\n")
	for i := range kinds {
		k := &kinds[i]
		fmt.Fprintf(&b, "  - name: %s\n    keywords:\n      - %s\n    regex:\n      secret: '(%s)'\n", k.rule(), k.prefix, k.pattern())
	}
	return b.String()
}
