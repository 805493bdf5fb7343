package auth

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// The kinds of what is imported.
const (
	ImportedDeveloper   = "developer"
	ImportedUser        = "user"
	ImportedApplication = "application"
	ImportedKey         = "key"
	ImportedSession     = "session"
	ImportedInvitation  = "invitation"
	ImportedPairing     = "pairing_code"
)

// ImportKinds lists them in the order in which they are imported: each after those that
// it refers to.
var ImportKinds = []string{
	ImportedDeveloper, ImportedUser, ImportedApplication, ImportedKey, ImportedSession, ImportedInvitation, ImportedPairing,
}

// Imported is what is kept of a row that was imported. It outlives that row.
type Imported struct {
	Kind   string
	ID     string          // of the row here
	Digest credential.Hash // of what a later import may change
	// Secret is the hash of the row's secret: what bcrypt made of that of an
	// application, until it works here for the first time, and later the stored one in
	// hexadecimal digits, as of a developer, an invitation and a pairing code from the
	// beginning.
	Secret string
}

// importReader reads what was imported, and what an import has to look at.
type importReader interface {
	Imported(ctx context.Context, kind, id string) (Imported, error)
	// ImportedInvitation returns the invitation that was imported with the secret.
	ImportedInvitation(ctx context.Context, secret string) (StoredInvitation, error)
	// ImportedAfter lists what was imported of the kind by id, after one: limit of them
	// at most.
	ImportedAfter(ctx context.Context, kind, after string, limit int) ([]Imported, error)
	// ImportedOf returns what was imported of the kind under the ids.
	ImportedOf(ctx context.Context, kind string, ids []string) ([]Imported, error)
	// UsersLike returns the users that have one of the ids, of the folded emails, or of
	// the external ids.
	UsersLike(ctx context.Context, ids, emails, externalIDs []string) ([]User, error)
	// BcryptPassword returns the hash of the password of some developer who is not
	// disabled, if one is by bcrypt.
	BcryptPassword(ctx context.Context) (string, error)
}

// importWriter writes what is imported.
type importWriter interface {
	// PutImported writes over what is there.
	PutImported(ctx context.Context, of ...Imported) error
	// InsertUsers also counts them, as TakeUserPlace does, whatever their number.
	InsertUsers(ctx context.Context, users []User) error
	InsertSessions(ctx context.Context, sessions []StoredSession) error
}

// ImportBatch is a part of an import: rows of one kind, or the ids here of rows that
// are gone from where they were imported.
type ImportBatch struct {
	Kind string
	// DryRun undoes everything that the batch does, and only tells it.
	DryRun bool

	Developers   []ImportDeveloper
	Users        []User
	Applications []ImportApplication
	Keys         []ImportKey
	Sessions     []ImportToken
	Invitations  []ImportInvitation
	Pairings     []ImportPairing

	Gone []string
}

// ImportDeveloper is a developer with the bcrypt hash of the password.
type ImportDeveloper struct {
	Developer
	PasswordHash string
}

// ImportApplication is an application with the bcrypt hash of its secret.
type ImportApplication struct {
	ID, AppID, Name, SecretHash string
	CreatedAt                   time.Time
}

// ImportKey is an API key with credential.ImportDigest of its secret.
type ImportKey struct {
	SecretDigest, Prefix, Name, CreatedBy string // CreatedBy may be empty
	CreatedAt                             time.Time
}

// ImportToken is a refresh token of a user with credential.ImportDigest of it.
type ImportToken struct {
	TokenDigest, UserID, AppID string
	CreatedAt                  time.Time
}

// ImportInvitation is an invitation that can be accepted, with credential.ImportDigest
// of its token.
type ImportInvitation struct {
	ID, Email, TokenDigest string
	InvitedByID            *string
	CreatedAt, ExpiresAt   time.Time
}

// ImportPairing is an unused pairing code, with the code itself: of so few symbols a
// digest would hide nothing.
type ImportPairing struct {
	ID, Code, UserID     string
	CreatedBy            string // the id of a developer
	CreatedAt, ExpiresAt time.Time
}

// ImportResult is what a batch did, or would do.
type ImportResult struct {
	New     int // rows that were added
	Changed int // rows that were brought up to date
	Same    int // rows that are here already, or were deleted here since
	Ended   int // rows that are gone there, and ended here
	IDs     []string
	Odd     []OddRow
}

// OddRow is a row that was not imported as it is, and why. It holds no secret.
type OddRow struct{ Kind, ID, What string }

// clip returns the result as the beginning of another one.
func (r ImportResult) clip() ImportResult {
	r.IDs, r.Odd = slices.Clip(r.IDs), slices.Clip(r.Odd)
	return r
}

func (r *ImportResult) odd(kind, id, what string) { r.Odd = append(r.Odd, OddRow{kind, id, what}) }

// importVerdict is what an import does with a row.
type importVerdict uint8

const (
	importNew     importVerdict = iota // add it
	importSame                         // leave it: it did not change there, or was made or deleted here
	importChanged                      // bring what changed there
	importKept                         // it changed on both sides: leave it
)

// decideImport judges a row with the digest next. before is what was imported earlier,
// and current the digest of the row here; nil if there is none.
func decideImport(before *Imported, next credential.Hash, current *credential.Hash) importVerdict {
	switch {
	case before == nil && current == nil:
		return importNew
	case before == nil || current == nil || before.Digest == next:
		return importSame
	case *current == before.Digest:
		return importChanged
	default:
		return importKept
	}
}

// importedKeyHash returns the hash under which an imported key is stored.
func importedKeyHash(vault *credential.Vault, digest string) credential.Hash {
	return vault.Hash(digest)
}

// importedKeyID returns the id of the key that was imported with the hash.
func importedKeyID(h credential.Hash) string { return credential.IDOf(credential.KeyID, h) }

// importedSessionID returns the id of the session that a refresh token with the digest
// began. No other session has one of its form.
func importedSessionID(vault *credential.Vault, digest string) [16]byte {
	h := vault.HashParts("imported-session", digest)
	id := [16]byte(h[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8 of RFC 9562, others have 4
	return id
}

// importedSecretHash stands for the secret that bcrypt has hashed where the keyed hash of
// a secret stands. It is the hash of none.
func importedSecretHash(vault *credential.Vault, bcrypt string) credential.Hash {
	return vault.HashParts("imported-secret", bcrypt)
}

// importedInvitationSecret returns what an invitation that was imported with the digest
// of its token is found by.
func importedInvitationSecret(vault *credential.Vault, digest string) string {
	h := vault.HashParts("imported-invitation", digest)
	return hex.EncodeToString(h[:])
}

// importedPassword stands for the stored hash of a password that was imported, or of
// what it became at the first login.
func importedPassword(vault *credential.Vault, encoded string) string {
	h := vault.HashParts("imported-password", encoded)
	return hex.EncodeToString(h[:])
}
