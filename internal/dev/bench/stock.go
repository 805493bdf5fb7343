package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/usage"
)

// Of each key and user of a stock.
const (
	sessionsEach = 10
	daysEach     = 365 // of usage, of the first countedKeys
	countedKeys  = 10_000
	heldKeys     = 200_000 // whose secrets are kept, more than a node keeps checked
)

// scopesOfKeys are those of the keys of a stock.
const scopesOfKeys = `["users:read","users:write","tokens:write"]`

// stock is what an installation has from the start: as many keys and users as its size,
// ten sessions of each user, a tenth of them of one application, and the usage of a year.
// Ids, seeds and names are the same in each run.
type stock struct {
	vault *credential.Vault
	size  int
	began time.Time
	app   struct{ id, secret string }
	keys  []string // secrets of the first
	// generations of the sessions. Each is read and written by whoever refreshes it.
	generations []uint32
}

// newStock returns a stock under the master secret.
func newStock(secret string, size int) (*stock, error) {
	vault, err := credential.NewVault([]byte(secret))
	if err != nil {
		return nil, err
	}
	s := &stock{vault: vault, size: size, began: time.Now().Add(-24 * time.Hour)}
	s.app.id, s.app.secret = credential.Mint(credential.AppID), credential.Mint(credential.AppSecret)
	s.generations = make([]uint32, sessionsEach*size)
	for n := range s.generations {
		s.generations[n] = 1
	}
	for range min(size, heldKeys) {
		s.keys = append(s.keys, credential.Mint(credential.TestKey))
	}
	return s, nil
}

// bytes returns 32 bytes that stand for the n-th of a kind.
func (s *stock) bytes(kind string, n int) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(kind), uint64(n)))
}

func (s *stock) id(kind string, n int) uuid.UUID {
	sum := s.bytes(kind, n)
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // version 4, RFC 9562
	return uuid.UUID(sum[:16])
}

// token returns the refresh token of a session's generation.
func (s *stock) token(session int, generation uint32) string {
	seed := s.bytes("seed", session)
	return s.vault.RefreshToken(s.id("session", session), generation, seed[:])
}

// table is what a stock puts into one table of the database.
type table struct {
	name    string
	columns []string
	rows    int
	row     func(n int) []any
}

// tables returns the tables, each after those that it refers to.
func (s *stock) tables() []table {
	began := s.began.UnixMicro()
	return []table{
		{"applications", []string{"app_id", "id", "name", "created_at", "hash"}, 1, func(n int) []any {
			return []any{s.app.id, s.id("application", n).String(), "stock", began, hash(s.vault, s.app.secret)}
		}},
		{"api_keys", []string{"id", "name", "key_prefix", "environment", "scopes", "enabled", "created_at", "hash"}, s.size, func(n int) []any {
			secret := fmt.Sprintf("nobody has the secret of key %d", n)
			if n < len(s.keys) {
				secret = s.keys[n]
			}
			return []any{s.keyID(n), fmt.Sprintf("Key %d", n), "ow_test_", "test", scopesOfKeys, true, began + int64(n), hash(s.vault, secret)}
		}},
		{"users", []string{"id", "created_at", "first_name", "last_name", "external_user_id", "has_active_connection", "search"}, s.size, func(n int) []any {
			first, last, external := s.name("first", n, 2), s.name("last", n, 4), fmt.Sprintf("stock-%07d", n)
			search := auth.Fold(first + " " + last + "\x1f\x1f" + external)
			return []any{s.id("user", n).String(), began + int64(n), first, last, external, false, search}
		}},
		{"sessions", []string{
			"id", "user_id", "app_id", "seed", "generation", "rotated_at", "created_at", "last_used_at", "expires_at", "ends_at",
		}, sessionsEach * s.size, func(n int) []any {
			seed, user, end := s.bytes("seed", n), n/sessionsEach, s.began.Add(30*24*time.Hour).UnixMicro()
			app := any(nil)
			if n%sessionsEach == 0 {
				app = s.app.id
			}
			at := began + int64(n)
			return []any{s.id("session", n).String(), s.id("user", user).String(), app, seed[:], int64(1), at, at, at, end, end}
		}},
		{"usage_counts", []string{
			"subject", "resolution", "dimension", "at", "name", "requests", "refused", "limited", "failed", "last_used_at",
		}, daysEach * min(s.size, countedKeys), func(n int) []any {
			day := usage.Day.Start(s.began.AddDate(0, 0, -n%daysEach)).UnixMicro()
			subject := usage.Subject(auth.APIKey, s.keyID(n/daysEach))
			return []any{subject, int64(usage.Day), int64(usage.Total), day, usage.All, int64(1000), int64(1), int64(0), int64(0), day}
		}},
	}
}

// name returns the name of a person, made of so many syllables.
func (s *stock) name(kind string, n, syllables int) string {
	const begin, end = "bdfghjklmnprstvwz", "aeiou"
	var text []byte
	sum := s.bytes(kind, n)
	for _, b := range sum[:syllables] {
		text = append(text, begin[int(b)%len(begin)], end[int(b)/len(begin)%len(end)])
	}
	return strings.ToUpper(string(text[:1])) + string(text[1:])
}

func (s *stock) keyID(n int) string { return fmt.Sprintf("key_%024d", n) }

func hash(v *credential.Vault, secret string) []byte {
	h := v.Hash(secret)
	return h[:]
}
