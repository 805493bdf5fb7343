package importer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

// Read calls visit with all rows of the kind, in batches, and with what is odd of those
// that are left out. It holds one batch.
func (s *Source) Read(ctx context.Context, kind string, visit func(auth.ImportBatch, []auth.OddRow) error) error {
	p := &pages{kind: kind, visit: visit}
	var err error
	switch kind {
	case auth.ImportedDeveloper:
		err = s.developers(ctx, p)
	case auth.ImportedUser:
		err = s.users(ctx, p)
	case auth.ImportedApplication:
		err = s.applications(ctx, p)
	case auth.ImportedKey:
		err = s.keys(ctx, p)
	case auth.ImportedSession:
		err = s.tokens(ctx, p)
	case auth.ImportedInvitation:
		err = s.invitations(ctx, p)
	case auth.ImportedPairing:
		err = s.pairings(ctx, p)
	}
	if err == nil {
		err = p.flush()
	}
	if err != nil {
		return fmt.Errorf("%ss: %w", kind, err)
	}
	return nil
}

// pages gathers rows into batches.
type pages struct {
	kind  string
	batch auth.ImportBatch
	odd   []auth.OddRow
	rows  int
	visit func(auth.ImportBatch, []auth.OddRow) error
}

// next counts a row that was added to the batch or left out.
func (p *pages) next() error {
	if p.rows++; p.rows < auth.MaxImportBatch {
		return nil
	}
	return p.flush()
}

func (p *pages) flush() error {
	if p.rows == 0 {
		return nil
	}
	p.batch.Kind = p.kind
	err := p.visit(p.batch, p.odd)
	p.batch, p.odd, p.rows = auth.ImportBatch{}, nil, 0
	return err
}

func (p *pages) note(id, what string) {
	p.odd = append(p.odd, auth.OddRow{Kind: p.kind, ID: id, What: what})
}

// each runs the query, and after each row, which is in the values, add.
func (s *Source) each(ctx context.Context, p *pages, query string, values []any, add func()) error {
	rows, err := s.tx.Query(ctx, query)
	if err != nil {
		return err
	}
	for n := 1; rows.Next(); n++ {
		size := 0
		for _, value := range rows.RawValues() {
			size += len(value)
		}
		if size > maxRow {
			p.note("number "+strconv.Itoa(n), "is larger than one of a backend: it is not imported")
		} else if err := rows.Scan(values...); err != nil {
			rows.Close()
			return err
		} else {
			add()
		}
		if err := p.next(); err != nil {
			rows.Close()
			return err
		}
	}
	return rows.Err()
}

// maxRow is how large a row may be, in bytes: a backend has none of half of it.
const maxRow = 8 << 10

// instant scans a time. What no time of day can be, as infinity, becomes the zero time.
type instant struct{ to *time.Time }

// ScanTimestamptz implements [pgtype.TimestamptzScanner].
func (i instant) ScanTimestamptz(v pgtype.Timestamptz) error {
	*i.to = time.Time{}
	if year := v.Time.UTC().Year(); v.InfinityModifier == pgtype.Finite && year > 0 && year < 9999 {
		*i.to = v.Time
	}
	return nil
}

func (s *Source) developers(ctx context.Context, p *pages) error {
	var d auth.ImportDeveloper
	return s.each(ctx, p, `SELECT id::text, email, hashed_password, first_name, last_name, created_at, updated_at FROM developer ORDER BY created_at, id`,
		[]any{&d.ID, &d.Email, &d.PasswordHash, &d.FirstName, &d.LastName, instant{&d.CreatedAt}, instant{&d.UpdatedAt}}, func() {
			p.batch.Developers = append(p.batch.Developers, d)
		})
}

// users reads the oldest first: of those with one email, the first keeps it. Here emails
// are compared as ASCII; an import compares them as all others.
func (s *Source) users(ctx context.Context, p *pages) error {
	synced, from := "NULL::timestamptz, NULL::text, false", ""
	if s.has("user_connection") {
		synced = "c.synced, c.provider, coalesce(c.active, false)"
		from = ` LEFT JOIN (SELECT user_id, max(last_synced_at) AS synced, bool_or(status::text = 'active') AS active,
			(array_agg(provider::text ORDER BY last_synced_at DESC) FILTER (WHERE last_synced_at IS NOT NULL))[1] AS provider
			FROM (SELECT user_id, provider, status, CASE WHEN last_synced_at BETWEEN '1970-01-01' AND '9998-01-01' THEN last_synced_at END AS last_synced_at
				FROM user_connection) real GROUP BY user_id) c ON c.user_id = u.id`
	}
	var u auth.User
	var first string // who has the email
	return s.each(ctx, p, `SELECT u.id::text, u.created_at, nullif(u.first_name, ''), nullif(u.last_name, ''), nullif(u.email, ''), nullif(u.external_user_id, ''), `+
		`first_value(u.id::text) OVER (PARTITION BY lower(btrim(u.email) COLLATE "C") ORDER BY u.created_at, u.id), `+
		synced+` FROM "user" u`+from+` ORDER BY u.created_at, u.id`,
		[]any{&u.ID, instant{&u.CreatedAt}, &u.FirstName, &u.LastName, &u.Email, &u.ExternalUserID, &first, &u.LastSyncedAt, &u.LastSyncedProvider, &u.HasActiveConnection},
		func() {
			row := u
			if row.Email != nil && first != row.ID {
				p.note(row.ID, "has the email of user "+first+": it is imported without one")
				row.Email = nil
			}
			p.batch.Users = append(p.batch.Users, row)
		})
}

func (s *Source) applications(ctx context.Context, p *pages) error {
	var a auth.ImportApplication
	var orphan bool
	return s.each(ctx, p, `SELECT id::text, app_id, app_secret_hash, name, created_at, developer_id IS NULL FROM application ORDER BY created_at, id`,
		[]any{&a.ID, &a.AppID, &a.SecretHash, &a.Name, instant{&a.CreatedAt}, &orphan}, func() {
			if orphan {
				p.note(a.AppID, "belongs to nobody: here it belongs to all developers, as every application")
			}
			a.Name = named(a.Name)
			p.batch.Applications = append(p.batch.Applications, a)
		})
}

// maxName is the longest name of a key or an application, in characters.
const maxName = 100

// named returns the name as it may be here.
func named(name string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		return "Imported"
	}
	return string([]rune(name)[:min(len([]rune(name)), maxName)])
}

func (s *Source) keys(ctx context.Context, p *pages) error {
	query := `SELECT id, '', name, coalesce(created_by::text, ''), created_at FROM api_key ORDER BY created_at, id`
	if s.hashedKeys() {
		query = `SELECT key_hash, key_prefix, name, coalesce(created_by::text, ''), created_at FROM api_key ORDER BY created_at, id`
	}
	var k auth.ImportKey
	return s.each(ctx, p, query, []any{&k.SecretDigest, &k.Prefix, &k.Name, &k.CreatedBy, instant{&k.CreatedAt}}, func() {
		k.Name = named(k.Name)
		ok := isDigest(k.SecretDigest)
		if !s.hashedKeys() {
			if ok = credential.IsImportedKey(k.SecretDigest); ok {
				k.Prefix, k.SecretDigest = credential.ShownOfImportedKey(k.SecretDigest), credential.ImportDigest(k.SecretDigest)
			}
		}
		if !ok {
			p.note("of "+k.CreatedAt.UTC().Format(time.RFC3339), "has not the form sk- and 32 hexadecimal digits: it is not imported")
			return
		}
		p.batch.Keys = append(p.batch.Keys, k)
	})
}

// isDigest reports whether s is one of SHA-256 in hexadecimal digits.
func isDigest(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// tokens reads the refresh tokens of users that work.
func (s *Source) tokens(ctx context.Context, p *pages) error {
	var t auth.ImportToken
	var token string
	var dead, nobody bool
	return s.each(ctx, p, `SELECT t.id, coalesce(t.user_id::text, ''), coalesce(t.app_id, ''), t.created_at, a.app_id IS NULL, u.id IS NULL
		FROM refresh_token t LEFT JOIN application a ON a.app_id = t.app_id LEFT JOIN "user" u ON u.id = t.user_id
		WHERE t.token_type::text = 'sdk' AND t.revoked_at IS NULL ORDER BY t.created_at, t.id`,
		[]any{&token, &t.UserID, &t.AppID, instant{&t.CreatedAt}, &dead, &nobody}, func() {
			of := "of " + t.CreatedAt.UTC().Format(time.RFC3339)
			switch {
			case nobody:
				p.note(of, "is a refresh token of nobody: it is not imported")
			case dead && !auth.HasNoApplication(t.AppID):
				p.note(of, "is a refresh token of user "+t.UserID+" by application "+t.AppID+", which is gone: it is not imported")
			case !credential.IsImportedRefresh(token):
				p.note(of, "is a refresh token of user "+t.UserID+" that has not the form rt- and 32 hexadecimal digits: it is not imported")
			default:
				t.TokenDigest = credential.ImportDigest(token)
				p.batch.Sessions = append(p.batch.Sessions, t)
			}
		})
}

// invitations reads those that nobody has accepted or revoked.
func (s *Source) invitations(ctx context.Context, p *pages) error {
	if !s.has("invitation") {
		return nil
	}
	var i auth.ImportInvitation
	var token string
	return s.each(ctx, p, `SELECT id::text, email, token, invited_by_id::text, created_at, expires_at FROM invitation
		WHERE status::text IN ('pending', 'sent', 'failed') ORDER BY created_at, id`,
		[]any{&i.ID, &i.Email, &token, &i.InvitedByID, instant{&i.CreatedAt}, instant{&i.ExpiresAt}}, func() {
			if !i.ExpiresAt.After(s.readAt) {
				p.note(i.ID, "has expired: it is not imported")
				return
			}
			if i.InvitedByID == nil {
				p.note(i.ID, "nobody is known to have sent it")
			}
			i.TokenDigest = credential.ImportDigest(token)
			p.batch.Invitations = append(p.batch.Invitations, i)
		})
}

// pairings reads the codes that can be redeemed. The newest of a user comes first, the only
// one that a user has here.
func (s *Source) pairings(ctx context.Context, p *pages) error {
	if !s.has("user_invitation_code") {
		return nil
	}
	var c auth.ImportPairing
	return s.each(ctx, p, `SELECT id::text, code, coalesce(user_id::text, ''), coalesce(created_by_id::text, ''), created_at, expires_at FROM user_invitation_code
		WHERE `+usablePairing+` ORDER BY created_at DESC, id`,
		[]any{&c.ID, &c.Code, &c.UserID, &c.CreatedBy, &c.CreatedAt, &c.ExpiresAt}, func() {
			switch {
			case !auth.IsPairingCode(c.Code):
				p.note(c.ID, "has not the form of 8 letters and digits: it is not imported")
			case c.UserID == "":
				p.note(c.ID, "is of no user: it is not imported")
			case c.CreatedBy == "":
				p.note(c.ID, "is of user "+c.UserID+", and nobody is known to have made it: it is not imported")
			default:
				p.batch.Pairings = append(p.batch.Pairings, c)
			}
		})
}

// usablePairing is the condition of a pairing code that can be redeemed.
const usablePairing = "redeemed_at IS NULL AND revoked_at IS NULL AND expires_at > now()"

// LeftOut is how many rows are not imported, and what they are.
type LeftOut struct {
	Rows int64
	What string
}

// LeftOut counts what an import leaves out as a whole.
func (s *Source) LeftOut(ctx context.Context) ([]LeftOut, error) {
	counts := []struct{ table, condition, what string }{
		{"refresh_token", "token_type::text = 'developer' AND revoked_at IS NULL", "refresh tokens of developers, who log in again"},
		{"user_invitation_code", "redeemed_at IS NULL AND revoked_at IS NULL AND expires_at <= now()", "pairing codes that have expired"},
	}
	var out []LeftOut
	for _, c := range counts {
		if !s.has(c.table) {
			continue
		}
		var n int64
		if err := s.tx.QueryRow(ctx, "SELECT count(*) FROM "+c.table+" WHERE "+c.condition).Scan(&n); err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, LeftOut{n, c.what})
		}
	}
	return out, nil
}
