package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

const (
	maxPasswordChars = 128
	maxPasswordBytes = 1 << 10 // as sent, before normalization
	keepFor          = time.Second
)

var (
	// ErrBusy means that as many passwords are being hashed, and as many wait,
	// as the limiter admits. The caller may try again soon.
	ErrBusy = errors.New("credential: the password hashing lane is full")

	// ErrPasswordTooLong is returned by [Passwords.Hash] for a password above
	// 128 characters or 1 KiB.
	ErrPasswordTooLong = errors.New("credential: the password is too long to be hashed")
)

// NormalizePassword returns the form (Unicode NFC) in which passwords are
// measured, hashed and compared, so that the way a keyboard composes a
// character makes no difference. It changes nothing else.
func NormalizePassword(s string) string {
	return norm.NFC.String(s)
}

// hashable returns the normal form, or false if the password is too long for
// any account.
func hashable(password string) (string, bool) {
	if len(password) > maxPasswordBytes {
		return "", false
	}
	password = NormalizePassword(password)
	return password, utf8.RuneCountInString(password) <= maxPasswordChars
}

// Passwords hashes and verifies passwords with argon2id, 19 MiB at a time, a
// bounded number at once. A context that ends takes a caller out of the queue, as
// does a wait of 10 seconds; a hash that has begun is finished. The memory goes back
// to the system once nothing was hashed for a second. Safe for concurrent use.
type Passwords struct {
	limiter *hashLimiter
	busy    atomic.Uint64
	rest    *time.Timer // runs while memory is kept
}

// NewPasswords returns a hasher that runs that many hashes at once, at least
// one, and keeps up to queue more callers waiting, a quarter of them known ones.
// Further ones are refused with [ErrBusy] at once, as are those of a network that
// has two more than hashes inside and waiting.
func NewPasswords(hashes, queue int) *Passwords {
	p := &Passwords{limiter: newHashLimiter(hashes, queue)}
	p.rest = time.AfterFunc(keepFor, p.release)
	p.rest.Stop()
	return p
}

// release gives back what the last hashes took. Without it, the process would keep
// several times that, since the collector of garbage waits until as much again is in
// use. It takes less time than one hash.
func (p *Passwords) release() {
	if running, waiting := p.limiter.load(); running+waiting == 0 { // else the last of them sets the timer
		debug.FreeOSMemory()
	}
}

// Load returns how many passwords are being hashed now and how many wait for it, and
// how many were turned away with [ErrBusy] since the start.
func (p *Passwords) Load() (running, waiting int, busy uint64) {
	running, waiting = p.limiter.load()
	return running, waiting, p.busy.Load()
}

// Hash returns the hash of a password as a PHC string. It does not judge the
// password: [PasswordPolicy] does.
func (p *Passwords) Hash(ctx context.Context, g Guest, password string) (string, error) {
	normal, ok := hashable(password)
	if !ok {
		return "", ErrPasswordTooLong
	}
	h := phc{cost: defaultCost, salt: make([]byte, saltLen)}
	rand.Read(h.salt)
	tag, err := p.derive(ctx, g, normal, h.cost, h.salt, tagLen)
	if err != nil {
		return "", err
	}
	h.tag = tag
	return h.String(), nil
}

// Verify reports whether the password is the one that was hashed. For a
// password that is too long it returns false after the same work. It also takes the
// hash of a secret that was imported, by bcrypt. The errors
// are [ErrBusy], [ErrMalformedHash] and those of the context.
func (p *Passwords) Verify(ctx context.Context, g Guest, encoded, password string) (bool, error) {
	if IsBcrypt(encoded) {
		return p.verifyBcrypt(ctx, g, encoded, password)
	}
	h, err := parsePHC(encoded)
	if err != nil {
		return false, err
	}
	normal, ok := hashable(password)
	if !ok {
		normal = ""
	}
	tag, err := p.derive(ctx, g, normal, h.cost, h.salt, len(h.tag))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(tag, h.tag) == 1 && ok, nil
}

// VerifyNone does the work of [Passwords.Verify] for an account that does not
// exist, so that the time of the refusal does not tell the two apart.
func (p *Passwords) VerifyNone(ctx context.Context, g Guest, password string) error {
	normal, ok := hashable(password)
	if !ok {
		normal = ""
	}
	_, err := p.derive(ctx, g, normal, defaultCost, make([]byte, saltLen), tagLen)
	return err
}

func (p *Passwords) verifyBcrypt(ctx context.Context, g Guest, encoded, password string) (bool, error) {
	if err := CheckBcrypt(encoded); err != nil {
		return false, err
	}
	leave, err := p.enter(ctx, g)
	if err != nil {
		return false, err
	}
	defer leave()
	return compareBcrypt(encoded, password)
}

// VerifyNoBcrypt is [Passwords.VerifyNone] with the work of a hash by bcrypt like the
// one given.
func (p *Passwords) VerifyNoBcrypt(ctx context.Context, g Guest, like, password string) error {
	_, err := p.verifyBcrypt(ctx, g, like, password)
	return err
}

func (p *Passwords) derive(ctx context.Context, g Guest, password string, c cost, salt []byte, n int) ([]byte, error) {
	leave, err := p.enter(ctx, g)
	if err != nil {
		return nil, err
	}
	defer leave()
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, uint32(n)), nil
}

// enter waits for a place. The caller must call leave once.
func (p *Passwords) enter(ctx context.Context, g Guest) (leave func(), err error) {
	end, err := p.limiter.enter(ctx, g)
	if errors.Is(err, ErrBusy) {
		p.busy.Add(1)
	}
	if err != nil {
		return nil, err
	}
	return func() {
		end()
		p.rest.Reset(keepFor)
	}, nil
}
