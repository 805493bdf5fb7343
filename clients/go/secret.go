package openwearables

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Secret holds a credential and never prints it. fmt, encoding/json, log/slog and
// reflection show a fingerprint or nothing; only Reveal returns the value. The zero
// Secret is empty.
type Secret struct{ reveal func() string }

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal returns the value, "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the Secret is empty.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns a fingerprint such as rt_…a1b2: the public prefix and the first four
// hexadecimal digits of the SHA-256 hash. Equal secrets have equal fingerprints. The
// fingerprint of the zero Secret is "".
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	value := s.Reveal()
	var prefix string
	for _, p := range []string{"ow_live_", "ow_test_", "secret_", "rt_", "whsec_"} {
		if strings.HasPrefix(value, p) {
			prefix = p
		}
	}
	sum := sha256.Sum256([]byte(value))
	return prefix + "…" + hex.EncodeToString(sum[:2])
}

// GoString returns the fingerprint.
func (s Secret) GoString() string { return s.String() }

// Format writes the fingerprint for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns the fingerprint.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the fingerprint as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue returns the fingerprint.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// TokenPair is an access token and the refresh token that renews it. It prints and
// marshals as fingerprints; a backend passes the pair to its app with Expose.
type TokenPair struct {
	Access    Secret
	Refresh   Secret // optional if a token provider fetches the next pair
	ExpiresIn time.Duration
}

// ExposedTokenPair is a pair in plain text, in the JSON form of the REST API, which
// the SDKs read.
type ExposedTokenPair struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    int    `json:"expires_in"`
}

// Expose returns the pair in plain text, to be sent to the app that will use it.
func (p TokenPair) Expose() ExposedTokenPair {
	return ExposedTokenPair{
		AccessToken: p.Access.Reveal(), TokenType: "bearer",
		RefreshToken: p.Refresh.Reveal(), ExpiresIn: int(p.ExpiresIn / time.Second),
	}
}

// UnmarshalJSON reads the JSON form of ExposedTokenPair.
func (p *TokenPair) UnmarshalJSON(data []byte) error {
	var e ExposedTokenPair
	if json.Unmarshal(data, &e) != nil {
		return invalid("the token pair is not JSON with access_token, refresh_token and expires_in")
	}
	p.Access, p.Refresh = NewSecret(e.AccessToken), NewSecret(e.RefreshToken)
	p.ExpiresIn = time.Duration(min(max(e.ExpiresIn, 0), maxSeconds)) * time.Second
	return nil
}

// maxToken is the length in bytes that no token exceeds: a record of two such tokens
// is smaller than maxRecord.
const maxToken = 4 << 10

// check returns an error for a pair that cannot work.
func (p TokenPair) check() error {
	for field, s := range map[string]string{"access_token": p.Access.Reveal(), "refresh_token": p.Refresh.Reveal()} {
		if fault := fault(s); fault != "" {
			return invalidField(field, fault)
		}
		if len(s) > maxToken {
			return invalidField(field, "is longer than 4 KiB")
		}
	}
	if p.Access.IsZero() {
		return invalidField("access_token", "is missing")
	}
	if p.ExpiresIn <= 0 {
		return invalidField("expires_in", "must be positive")
	}
	return nil
}

// fault returns what is wrong with a credential that includes its scheme, or a character
// that is not allowed in a header; "" if nothing is.
func fault(s string) string {
	if len(s) >= 6 && strings.EqualFold(s[:6], "bearer") && (len(s) == 6 || s[6] == ' ') {
		return `give the bare credential, without "Bearer ": the scheme is added when it is sent`
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "the credential contains a space, a line break or another character that no credential has"
		}
	}
	return ""
}
