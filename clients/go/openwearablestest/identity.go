package openwearablestest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

// kind is the kind of a credential.
type kind int

const (
	developerToken kind = iota + 1
	apiKey
	userToken
)

// principal is who a credential stands for.
type principal struct {
	kind       kind
	id         string // of the developer, the key or the user
	session    string
	scopes     []string
	deprecated time.Time // when the key was rotated, if the older secret was presented
	until      time.Time // when that ends
}

// authenticate reads the credential of a request's headers.
func (s *Server) authenticate(c *call, r *http.Request) (*principal, *refusal) {
	bearers, secrets := r.Header["Authorization"], r.Header["X-Open-Wearables-Api-Key"]
	switch {
	case len(bearers)+len(secrets) > 1:
		return nil, &refusal{code: connect.CodeFailedPrecondition, reason: "multiple_credentials", message: "Send one credential, not several"}
	case len(secrets) == 1:
		return s.authenticateKey(c, secrets[0])
	case len(bearers) == 0:
		return nil, nil
	}
	secret := bearers[0]
	if scheme, rest, ok := strings.Cut(secret, " "); ok && strings.EqualFold(scheme, "Bearer") {
		secret = strings.TrimSpace(rest)
	}
	if strings.HasPrefix(secret, "ow_") {
		return s.authenticateKey(c, secret)
	}
	a := s.access[secret]
	switch {
	case a == nil || a.session.ended:
		return nil, unauthenticated("invalid_token", "Could not validate credentials")
	case !s.now().Before(a.until):
		return nil, unauthenticated("token_expired", "Could not validate credentials")
	case a.session.user != "":
		return &principal{kind: userToken, id: a.session.user, session: a.session.id}, nil
	default:
		return &principal{kind: developerToken, id: s.developer.GetId(), session: a.session.id}, nil
	}
}

// require admits the developer, and API keys with the scope unless that is "".
func (c *call) require(scope string) (*principal, error) {
	p := c.principal
	switch {
	case p == nil && c.refused != nil:
		return nil, c.refused
	case p == nil:
		return nil, unauthenticated("missing_credential", "Not authenticated")
	case p.kind == developerToken:
		return p, nil
	case p.kind != apiKey || scope == "":
		return nil, forbidden("credential_not_allowed", "This credential may not call this operation")
	case !slices.Contains(p.scopes, scope):
		r := forbidden("insufficient_scope", "This API key lacks the scope "+scope)
		r.scope = scope
		return nil, r
	}
	return p, nil
}

// requireOwner also admits the user by its own token.
func (c *call) requireOwner(scope, user string) error {
	if p := c.principal; p != nil && p.kind == userToken {
		if p.id != user {
			return forbidden("other_user", "This token is for another user")
		}
		return nil
	}
	_, err := c.require(scope)
	return err
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// uuid returns the canonical form of an id.
func uuid(field, id string) (string, error) {
	if !uuidForm.MatchString(id) {
		return "", invalidField(field, "must be a UUID")
	}
	return strings.ToLower(id), nil
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// newSecret returns a random secret of n characters behind its prefix.
func newSecret(prefix string, n int) string {
	random := strings.ToLower(rand.Text() + rand.Text() + rand.Text())
	return prefix + random[:n]
}

// replay is an answer that is kept for its Idempotency-Key.
type replay struct {
	request string
	answer  proto.Message
}

// once has an effect, or repeats the answer of the same call with the same Idempotency-Key.
func once[T proto.Message](ctx context.Context, s *Server, operation, actor string, request any, effect func() (T, error)) (T, error) {
	var none T
	c := callOf(ctx)
	key := c.retryKey
	if key == "" {
		return effect()
	}
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return none, invalidField("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
	}
	raw, err := json.Marshal(request)
	if err != nil {
		return none, err
	}
	id := strings.Join([]string{operation, actor, key}, "\n")
	if kept, ok := s.replays[id]; ok {
		if kept.request != string(raw) {
			r := invalidField("Idempotency-Key", "was used with another request")
			r.reason, r.message = "idempotency_key_reused", "This Idempotency-Key was used with another request; use a new one"
			return none, r
		}
		c.header.Set("Idempotent-Replayed", "true")
		return proto.Clone(kept.answer).(T), nil
	}
	answer, err := effect()
	if err == nil {
		s.replays[id] = replay{string(raw), proto.Clone(answer)}
	}
	return answer, err
}

// list keeps things in the order in which they were made.
type list[T any] struct{ items []T }

// find returns the first item that is wanted, or the zero value.
func (l *list[T]) find(wanted func(T) bool) (found T, ok bool) {
	if i := slices.IndexFunc(l.items, wanted); i >= 0 {
		return l.items[i], true
	}
	return found, false
}

// page returns a page of the list, newest first, and the cursor of the next one.
func page[T any](items []T, name string, limit *int32, cursor *string) ([]T, *string, error) {
	var v check
	size, from := v.limit(limit, 100), 0
	if cursor != nil && !openCursor(name, *cursor, &from) {
		v.fail("cursor", "must be the cursor of the next page of the same list")
	}
	if err := v.err(); err != nil {
		return nil, nil, err
	}
	newest := slices.Clone(items)
	slices.Reverse(newest)
	newest = newest[min(from, len(newest)):]
	if len(newest) <= size {
		return newest, nil, nil
	}
	return newest[:size], sealCursor(name, from+size), nil
}

// sealCursor returns the cursor of a place in a list.
func sealCursor(filters string, place any) *string {
	raw, _ := json.Marshal([]any{filters, place}) // plain values always marshal
	return new(base64.RawURLEncoding.EncodeToString(raw))
}

// openCursor reads the place of a cursor, and reports whether it is of this list.
func openCursor(filters, cursor string, place any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	var of string
	return err == nil && json.Unmarshal(raw, &[]any{&of, place}) == nil && of == filters
}
