package credential

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxToken is the length in bytes above which a JWT is neither made nor read.
const maxToken = 4 << 10

// maxTime is the end of the year 9999 in Unix seconds.
const maxTime = 253402300799

// Claims holds the claims of a JWT (RFC 7519, 4.1). Times are whole seconds.
type Claims struct {
	Issuer    string // iss
	Audience  string // aud, always a single one
	Subject   string // sub
	SessionID string // sid
	ID        string // jti
	IssuedAt  time.Time
	NotBefore time.Time // zero when signing: the same as IssuedAt
	ExpiresAt time.Time
	Scope     string // scope, "" if the token has none
	AppID     string // app_id, "" if the token has none
	Actor     string // act.sub (RFC 8693, 4.1): who acts for the subject, "" if nobody does
}

// Sign returns the JWT in compact form. Its header has exactly alg, kid and
// typ. Sign refuses claims that [KeySet.Verify] would refuse: a missing one, an
// end that is not after the beginning, invalid UTF-8, more than 4 KiB.
func (k *SigningKey) Sign(c Claims) (string, error) {
	if c.NotBefore.IsZero() {
		c.NotBefore = c.IssuedAt
	}
	iat, nbf, exp := c.IssuedAt.Unix(), c.NotBefore.Unix(), c.ExpiresAt.Unix()
	switch {
	case k.method == nil:
		return "", errMalformedKey
	case c.Issuer == "" || c.Audience == "" || c.Subject == "" || c.SessionID == "" || c.ID == "":
		return "", errors.New("credential: sign: a claim is missing")
	case iat <= 0 || nbf <= 0 || exp > maxTime || exp <= iat || exp <= nbf:
		return "", errors.New("credential: sign: the token would never be valid")
	}
	payload, err := appendClaims(make([]byte, 0, 512), c, iat, nbf, exp)
	if err != nil {
		return "", fmt.Errorf("credential: sign: %w", err)
	}
	token := make([]byte, 0, len(k.header)+base64.RawURLEncoding.EncodedLen(len(payload))+96)
	token = append(append(token, k.header...), '.')
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	signature, err := k.method.Sign(string(token), k.private)
	if err != nil {
		return "", fmt.Errorf("credential: sign: %w", err)
	}
	if k.Algorithm == ES256 {
		toLowS(signature)
	}
	token = base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)
	if len(token) > maxToken {
		return "", errors.New("credential: sign: the claims are too long")
	}
	return string(token), nil
}

func appendClaims(b []byte, c Claims, iat, nbf, exp int64) ([]byte, error) {
	var err error
	text := func(name, value string) {
		if err == nil && value != "" {
			b = append(b, name...)
			b, err = jsontext.AppendQuote(b, value)
		}
	}
	number := func(name string, value int64) {
		b = strconv.AppendInt(append(b, name...), value, 10)
	}
	text(`{"iss":`, c.Issuer)
	text(`,"aud":`, c.Audience)
	text(`,"sub":`, c.Subject)
	text(`,"sid":`, c.SessionID)
	text(`,"jti":`, c.ID)
	number(`,"iat":`, iat)
	number(`,"nbf":`, nbf)
	number(`,"exp":`, exp)
	text(`,"scope":`, c.Scope)
	text(`,"app_id":`, c.AppID)
	if c.Actor != "" {
		text(`,"act":{"sub":`, c.Actor)
		b = append(b, '}')
	}
	return append(b, '}'), err
}
