package main_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// What the tables of an Open Wearables backend have that an import reads: up to 0.7 the
// keys themselves, and from 0.8 on their digests.
const backendTables = `
CREATE TYPE token_type AS ENUM ('sdk', 'developer');
CREATE TABLE developer (id uuid PRIMARY KEY, email varchar(255) NOT NULL UNIQUE, hashed_password varchar(255) NOT NULL,
	first_name varchar(100), last_name varchar(100), created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE application (id uuid PRIMARY KEY, app_id varchar(64) NOT NULL UNIQUE, app_secret_hash text NOT NULL, name varchar(100) NOT NULL,
	developer_id uuid REFERENCES developer ON DELETE SET NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE "user" (id uuid PRIMARY KEY, email varchar, first_name varchar(100), last_name varchar(100),
	external_user_id varchar(255) UNIQUE, created_at timestamptz NOT NULL);
CREATE TABLE refresh_token (id varchar(64) PRIMARY KEY, token_type token_type NOT NULL, user_id uuid REFERENCES "user" ON DELETE CASCADE,
	app_id varchar(64), developer_id uuid, created_at timestamptz NOT NULL, last_used_at timestamptz, revoked_at timestamptz);
CREATE TABLE invitation (id uuid PRIMARY KEY, email varchar(255) NOT NULL, token varchar(255) NOT NULL UNIQUE, status varchar(50) NOT NULL,
	expires_at timestamptz NOT NULL, created_at timestamptz NOT NULL, invited_by_id uuid);
CREATE TABLE user_invitation_code (id uuid PRIMARY KEY, code varchar(10) NOT NULL UNIQUE, user_id uuid, created_by_id uuid,
	expires_at timestamptz NOT NULL, redeemed_at timestamptz, revoked_at timestamptz, created_at timestamptz NOT NULL);
CREATE TABLE user_connection (id uuid PRIMARY KEY, user_id uuid NOT NULL, provider varchar(50) NOT NULL, status varchar(20) NOT NULL,
	last_synced_at timestamptz, access_token text, refresh_token text);
`

var backendKeys = map[string]string{
	"0.7": `CREATE TABLE api_key (id varchar(64) PRIMARY KEY, name text NOT NULL, created_by uuid, created_at timestamptz NOT NULL)`,
	"0.8": `CREATE TABLE api_key (id uuid PRIMARY KEY, key_hash varchar(64) NOT NULL UNIQUE, key_prefix varchar(10) NOT NULL,
	name text NOT NULL, created_by uuid, created_at timestamptz NOT NULL)`,
}

// backend is the database of an Open Wearables backend.
type backend struct {
	t          testing.TB
	generation string
	dsn        string
	conn       *pgx.Conn
	secrets    []string // all that were made
}

func newBackend(t testing.TB, generation string) *backend {
	t.Helper()
	b := &backend{t: t, generation: generation, dsn: pgtest.New(t)}
	var err error
	if b.conn, err = pgx.Connect(t.Context(), b.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.conn.Close(context.Background()) })
	b.exec(backendTables)
	b.exec(backendKeys[generation])
	return b
}

func (b *backend) exec(query string, args ...any) {
	b.t.Helper()
	if _, err := b.conn.Exec(b.t.Context(), query, args...); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
}

// idOf returns the same id for the same name in every run.
func idOf(name string) string { return uuid.NewSHA1(uuid.Nil, []byte(name)).String() }

// digits returns n random hexadecimal digits after the prefix, which are a secret.
func (b *backend) digits(prefix string, n int) string {
	raw := make([]byte, n/2)
	rand.Read(raw)
	return b.secret(prefix + hex.EncodeToString(raw))
}

func (b *backend) secret(s string) string {
	b.secrets = append(b.secrets, s)
	return s
}

// hash returns what bcrypt makes of a secret, at little cost.
func (b *backend) hash(secret string) string {
	b.t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(secret[:min(len(secret), 72)]), bcrypt.MinCost)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.secret(strings.Replace(string(hash), "$2a$", "$2b$", 1))
}

var backendEpoch = time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)

func (b *backend) developer(name, email, password string) {
	b.t.Helper()
	b.exec(`INSERT INTO developer VALUES ($1, $2, $3, $4, NULL, $5, $5)`, idOf(name), email, b.hash(password), name, backendEpoch)
}

// key adds an API key and returns it.
func (b *backend) key(name string, by any) string {
	b.t.Helper()
	key := b.digits("sk-", 32)
	b.putKey(key, name, by)
	return key
}

func (b *backend) putKey(key, name string, by any) {
	b.t.Helper()
	if b.generation == "0.7" {
		b.exec(`INSERT INTO api_key VALUES ($1, $2, $3, $4)`, key, name, by, backendEpoch)
		return
	}
	sum := sha256.Sum256([]byte(key))
	b.exec(`INSERT INTO api_key VALUES ($1, $2, $3, $4, $5, $6)`, idOf(key), hex.EncodeToString(sum[:]), key[:10], name, by, backendEpoch)
}

func (b *backend) dropKey(key string) {
	b.t.Helper()
	if b.generation == "0.7" {
		b.exec(`DELETE FROM api_key WHERE id = $1`, key)
		return
	}
	b.exec(`DELETE FROM api_key WHERE id = $1`, idOf(key))
}

// application adds an application and returns its id and secret.
func (b *backend) application(name string, by any) (appID, secret string) {
	b.t.Helper()
	sum := sha256.Sum256([]byte(name))
	appID, secret = "app_"+hex.EncodeToString(sum[:16]), b.digits("secret_", 64)
	b.exec(`INSERT INTO application VALUES ($1, $2, $3, $4, $5, $6, $6)`, idOf(name), appID, b.hash(secret), name, by, backendEpoch)
	return appID, secret
}

// user adds a user, of whom each is a second younger than the one before.
func (b *backend) user(name string, email, external any) string {
	b.t.Helper()
	b.exec(`INSERT INTO "user" SELECT $1, $2, $3, NULL, $4, $5::timestamptz + count(*) * interval '1 second' FROM "user"`,
		idOf(name), email, name, external, backendEpoch)
	return idOf(name)
}

// token adds a refresh token and returns it.
func (b *backend) token(kind, user string, appID any) string {
	b.t.Helper()
	token := b.digits("rt-", 32)
	var holder any
	if user != "" {
		holder = user
	}
	b.exec(`INSERT INTO refresh_token VALUES ($1, $2, $3, $4, NULL, $5)`, token, kind, holder, appID, backendEpoch)
	return token
}

func (b *backend) invitation(name, email, status string, expires time.Time, by any) string {
	b.t.Helper()
	token := b.secret(strings.ToLower(rand.Text()) + "abcdefghijklmnopq")
	b.exec(`INSERT INTO invitation VALUES ($1, $2, $3, $4, $5, $6, $7)`, idOf(name), email, token, status, expires, backendEpoch, by)
	return token
}

// pairing adds a pairing code that was made so long after the epoch, and returns it.
func (b *backend) pairing(name, user string, by any, after time.Duration) string {
	b.t.Helper()
	b.putPairing(name, rand.Text()[:8], user, by, after, time.Now().Add(time.Hour))
	return b.secrets[len(b.secrets)-1]
}

func (b *backend) putPairing(name, code string, user, by any, after time.Duration, expires time.Time) {
	b.t.Helper()
	b.exec(`INSERT INTO user_invitation_code VALUES ($1, $2, $3, $4, $5, NULL, NULL, $6)`,
		idOf(name), b.secret(code), user, by, expires, backendEpoch.Add(after))
}

// silent fails the test if a text holds one of the secrets, or a part of one that would
// tell it.
func (b *backend) silent(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		for _, secret := range b.secrets {
			if strings.Contains(text, secret[len(secret)/2:]) {
				b.t.Errorf("a secret is in %q", text)
			}
		}
	}
}
