package credential

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	// ErrInvalidToken is returned for every JWT that is refused, except in the
	// one case of ErrTokenExpired.
	ErrInvalidToken = errors.New("credential: invalid token")

	// ErrTokenExpired is returned for a JWT whose only fault is that it has
	// expired.
	ErrTokenExpired = errors.New("credential: token expired")
)

// clockLeeway is how far the clock of another node may be ahead, in seconds.
const clockLeeway = 30

// KeySet holds the keys whose tokens are accepted, by their IDs. It is safe for
// concurrent use as long as it does not change.
type KeySet map[string]*SigningKey

// Verify returns the claims of a token that one of these keys signed, whose issuer
// is one of ours, as isOurs tells, that is for one of the audiences, and that is in
// force: iat and nbf at most 30 s ahead of now, exp after now. It is strict where RFC 7515, RFC 7519
// and RFC 8725 leave room, so that no second text passes for the same token:
//
//   - three parts of canonical, unpadded base64url, 4 KiB at most;
//   - a header of only alg, kid and typ, each once, with typ "JWT" and the
//     algorithm of the key that kid names: a token never chooses another;
//   - no member twice, every claim of its type, aud a single string, times
//     whole numbers of seconds;
//   - an ES256 signature with the lower of the two possible values of s.
//
// Claims of other names are ignored. The errors are [ErrInvalidToken] and
// [ErrTokenExpired], not wrapped; the claims of a token that has expired come with
// the latter.
func (ks KeySet) Verify(token string, isOurs func(issuer string) bool, audiences []string, now time.Time) (Claims, error) {
	payload, ok := ks.open(token)
	if !ok {
		return Claims{}, ErrInvalidToken
	}
	var w wireClaims
	if err := json.Unmarshal(payload, &w); err != nil {
		return Claims{}, ErrInvalidToken
	}
	at := now.Unix()
	switch {
	case w.Issuer == "" || !isOurs(w.Issuer),
		w.Audience == "" || !slices.Contains(audiences, w.Audience),
		w.Subject == "" || w.SessionID == "" || w.ID == "",
		w.IssuedAt <= 0 || w.NotBefore <= 0 || w.ExpiresAt > maxTime,
		w.ExpiresAt <= w.IssuedAt || w.ExpiresAt <= w.NotBefore,
		w.IssuedAt > at+clockLeeway || w.NotBefore > at+clockLeeway:
		return Claims{}, ErrInvalidToken
	case at >= w.ExpiresAt:
		return w.claims(), ErrTokenExpired
	}
	return w.claims(), nil
}

// HeaderKeyID returns the kid that the header of a token names, or "" if it names none
// or is malformed. It verifies nothing.
func HeaderKeyID(token string) string {
	if len(token) > maxToken {
		return ""
	}
	head, _, _ := strings.Cut(token, ".")
	header, ok := decodePart(head)
	if !ok {
		return ""
	}
	var h struct {
		KeyID string `json:"kid"`
	}
	if json.Unmarshal(header, &h) != nil {
		return ""
	}
	return h.KeyID
}

// open returns the payload of a token whose form, header and signature are
// valid.
func (ks KeySet) open(token string) ([]byte, bool) {
	if len(token) > maxToken {
		return nil, false
	}
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return nil, false
	}
	signed := token[:end]
	head, body, ok := strings.Cut(signed, ".")
	if !ok {
		return nil, false
	}
	header, ok := decodePart(head)
	if !ok {
		return nil, false
	}
	key := ks.keyOf(header)
	if key == nil {
		return nil, false
	}
	signature, ok := decodePart(token[end+1:])
	if !ok || key.method.Verify(signed, signature, key.public) != nil {
		return nil, false
	}
	if key.Algorithm == ES256 && !isLowS(signature) {
		return nil, false
	}
	return decodePart(body)
}

// keyOf returns the key that the header names. It returns nil unless the header
// has the members that this key writes, in any order.
func (ks KeySet) keyOf(header []byte) *SigningKey {
	var h struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}
	if err := json.Unmarshal(header, &h, json.RejectUnknownMembers(true)); err != nil {
		return nil
	}
	key := ks[h.KeyID]
	if key == nil || key.method == nil || key.ID != h.KeyID || key.Algorithm != h.Algorithm || h.Type != "JWT" {
		return nil
	}
	return key
}

var strictBase64 = base64.RawURLEncoding.Strict()

// decodePart refuses an empty part, padding, non-zero trailing bits, and the
// line breaks that encoding/base64 skips.
func decodePart(part string) ([]byte, bool) {
	if part == "" || strings.ContainsAny(part, "\r\n") {
		return nil, false
	}
	b, err := strictBase64.DecodeString(part)
	return b, err == nil
}

// wireClaims is the payload as JSON. A required member that is null counts as
// missing.
type wireClaims struct {
	Issuer    string    `json:"iss"`
	Audience  string    `json:"aud"`
	Subject   string    `json:"sub"`
	SessionID string    `json:"sid"`
	ID        string    `json:"jti"`
	IssuedAt  int64     `json:"iat"`
	NotBefore int64     `json:"nbf"`
	ExpiresAt int64     `json:"exp"`
	Scope     wireText  `json:"scope"`
	AppID     wireText  `json:"app_id"`
	Actor     wireActor `json:"act"`
}

func (w *wireClaims) claims() Claims {
	return Claims{
		Issuer: w.Issuer, Audience: w.Audience, Subject: w.Subject, SessionID: w.SessionID, ID: w.ID,
		IssuedAt:  time.Unix(w.IssuedAt, 0).UTC(),
		NotBefore: time.Unix(w.NotBefore, 0).UTC(),
		ExpiresAt: time.Unix(w.ExpiresAt, 0).UTC(),
		Scope:     string(w.Scope),
		AppID:     string(w.AppID),
		Actor:     string(w.Actor),
	}
}

// wireText is an optional member that must be a non-empty string if it is
// present.
type wireText string

// UnmarshalJSONFrom refuses everything but a non-empty string.
func (t *wireText) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '"' {
		return ErrInvalidToken
	}
	*t = wireText(token.String())
	if *t == "" {
		return ErrInvalidToken
	}
	return nil
}

// wireActor is the subject of an act claim. The claim is an object without
// other members: a chain of earlier actors is refused.
type wireActor string

// UnmarshalJSONFrom refuses everything but such an object.
func (a *wireActor) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var act struct {
		Subject string `json:"sub"`
	}
	if err := json.UnmarshalDecode(d, &act, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	*a = wireActor(act.Subject)
	if *a == "" {
		return ErrInvalidToken
	}
	return nil
}
