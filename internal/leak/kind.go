// Package leak finds credentials of this product that were left in files and in
// the history of git repositories. It tells a real one from a look-alike by its
// form and checksum alone, without a server. Nothing that it returns or writes
// holds a secret.
package leak

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/credential"
)

// Kind names a kind of secret in reports and rules.
type Kind string

// The kinds of secret that carry a checksum. Others cannot be told from foreign
// text: access tokens (JWTs), passwords, master secrets.
const (
	LiveKey           Kind = "live-key"
	TestKey           Kind = "test-key"
	ApplicationSecret Kind = "application-secret"
	RefreshToken      Kind = "refresh-token"
)

// secretKind is what is known of a kind of secret.
type secretKind struct {
	kind   Kind
	prefix credential.Prefix
	title  string
	advice string // how to end it, in sentences
}

// rule is the name of the kind in SARIF and in the rules for other scanners.
func (k *secretKind) rule() string { return "openwearables-" + string(k.kind) }

const endKey = "Delete it with DELETE /api/v1/api-keys/{id}; GET /api/v1/api-keys tells the id by the key_prefix. If no key has that prefix, " +
	"it was deleted, or rotated and works until the previous_expires_at of its key, or is of another installation. " +
	"Rotating a key stops it, but not the user tokens that it minted."

// kinds are in the order of reports.
var kinds = [...]secretKind{
	{LiveKey, credential.LiveKey, "live API key", endKey},
	{TestKey, credential.TestKey, "test API key", endKey},
	{
		ApplicationSecret, credential.AppSecret, "application secret",
		"Rotate it without an overlap, with POST /api/v1/applications/{app_id}/rotate-secret. " +
			"To end the user tokens that it minted too, delete the application with DELETE /api/v1/applications/{app_id}.",
	},
	{
		RefreshToken, credential.Refresh, "refresh token",
		`End its session with POST /api/v1/auth/revoke and the body {"refresh_token": "..."}, which needs no other credential. ` +
			"This ends its access tokens too, and does no harm if it had ended before.",
	},
}

func kindOf(k Kind) *secretKind {
	for i := range kinds {
		if kinds[i].kind == k {
			return &kinds[i]
		}
	}
	panic("leak: there is no kind " + string(k))
}

// visible is how many characters of a key's payload the API shows as key_prefix.
const visible = 4

// publicName returns what the API shows of a secret: the key_prefix of a key and
// the session of a refresh token. It reports false if text is not a secret of
// this kind after all.
func (k *secretKind) publicName(text string) (string, bool) {
	switch k.kind {
	case LiveKey, TestKey:
		return text[:len(k.prefix)+visible], true
	case RefreshToken:
		token, ok := credential.ParseRefreshToken(text)
		return uuid.UUID(token.Session).String(), ok
	default:
		return "", true
	}
}

// fingerprint returns a name of a secret, always the same for the same one. The
// secret has 128 random bits or more, so that nobody finds it by its hash.
func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte("openwearables/leak/1/" + secret))
	return hex.EncodeToString(sum[:8])
}
