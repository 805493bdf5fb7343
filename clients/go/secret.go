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

// Secret is a credential that does not print. fmt, encoding/json, log/slog and
// reflection show a fingerprint or nothing; Reveal is the one way to the value.
// The zero value is no secret.
type Secret struct{ reveal func() string }

// NewSecret wraps a value.
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

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns a fingerprint such as rt_…a1b2: the public prefix and the first
// characters of a hash. Equal secrets have equal fingerprints.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	value := s.Reveal()
	var prefix string
	for _, p := range []string{"ow_live_", "ow_test_", "secret_", "rt_"} {
		if strings.HasPrefix(value, p) {
			prefix = p
		}
	}
	sum := sha256.Sum256([]byte(value))
	return prefix + "…" + hex.EncodeToString(sum[:2])
}

// GoString returns the fingerprint.
func (s Secret) GoString() string { return s.String() }

// Format writes the fingerprint, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns the fingerprint.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the fingerprint as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue returns the fingerprint.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// TokenPair is an access token and the refresh token that renews it. It does not
// print and does not marshal; a backend hands it to its app by Expose.
type TokenPair struct {
	Access    Secret
	Refresh   Secret // may be missing where a token provider renews
	ExpiresIn time.Duration
}

// ExposedTokenPair is a pair in plain text, in the shape that the REST API
// answers and that the SDKs read.
type ExposedTokenPair struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    int    `json:"expires_in"`
}

// Expose returns the pair in plain text, to be encoded for the app that will use
// it.
func (p TokenPair) Expose() ExposedTokenPair {
	return ExposedTokenPair{
		AccessToken: p.Access.Reveal(), TokenType: "bearer",
		RefreshToken: p.Refresh.Reveal(), ExpiresIn: int(p.ExpiresIn / time.Second),
	}
}

// UnmarshalJSON reads the shape of ExposedTokenPair.
func (p *TokenPair) UnmarshalJSON(data []byte) error {
	var e ExposedTokenPair
	if json.Unmarshal(data, &e) != nil {
		return invalid("the token pair is not JSON with access_token, refresh_token and expires_in")
	}
	p.Access, p.Refresh = NewSecret(e.AccessToken), NewSecret(e.RefreshToken)
	p.ExpiresIn = time.Duration(e.ExpiresIn) * time.Second
	return nil
}

// check refuses a pair that can never work.
func (p TokenPair) check() error {
	for _, s := range []string{p.Access.Reveal(), p.Refresh.Reveal()} {
		if err := checkBare(s); err != nil {
			return err
		}
	}
	if p.Access.IsZero() {
		return invalid("the token pair has no access token")
	}
	if p.ExpiresIn <= 0 {
		return invalid("the token pair's ExpiresIn must be positive")
	}
	return nil
}

// checkBare refuses a credential that carries its scheme, or anything else that
// cannot stand in a header.
func checkBare(s string) error {
	if len(s) >= 6 && strings.EqualFold(s[:6], "bearer") && (len(s) == 6 || s[6] == ' ') {
		return invalid(`give the bare credential, without "Bearer ": the scheme is added when it is sent`)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return invalid("the credential contains a space, a line break or another character that no credential has")
		}
	}
	return nil
}
