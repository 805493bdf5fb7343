package credential

import (
	"regexp"
	"strings"
)

// redacted stands for a secret in a text that Redact returns.
const redacted = "[redacted]"

// secrets are the kinds of credential that Redact removes. The ids are public.
var secrets = [...]Prefix{LiveKey, TestKey, AppSecret, Refresh}

// tokenForm matches what looks like a JWT. The header of each is a JSON object,
// which begins with {" and thus, in base64, with eyJ. A JWT whose signature was
// cut off matches too.
var tokenForm = regexp.MustCompile(`eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}(\.[0-9A-Za-z_-]*)?`)

// webhookSecretForm matches what signs webhooks, which has no checksum.
var webhookSecretForm = regexp.MustCompile(`whsec_[0-9A-Za-z+/_-]{24,}=*`)

// Redact replaces each secret of this product in s, wherever it stands, each that may
// have been imported, and each JWT. It returns s itself, without an allocation, if there are none. Use it for
// a text of a caller that is about to be logged or stored.
func Redact(s string) string {
	for _, p := range secrets {
		s = redactKind(p, s)
	}
	if (strings.Contains(s, "-") || strings.Contains(s, string(AppSecret))) && importedForm.MatchString(s) {
		s = importedForm.ReplaceAllString(s, redacted)
	}
	if strings.Contains(s, "whsec_") && webhookSecretForm.MatchString(s) {
		s = webhookSecretForm.ReplaceAllString(s, redacted)
	}
	if strings.Contains(s, "eyJ") && tokenForm.MatchString(s) {
		s = tokenForm.ReplaceAllString(s, redacted)
	}
	return s
}

// redactKind replaces each secret of the kind p in s.
func redactKind(p Prefix, s string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], string(p))
		if i < 0 {
			return s
		}
		from += i
		if end := from + p.Len(); end <= len(s) && Valid(p, s[from:end]) {
			s = s[:from] + redacted + s[end:]
			from += len(redacted)
		} else {
			from += len(p)
		}
	}
}
