package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// SeedSize is the length of a session's seed in bytes.
const SeedSize = 32

const (
	sessionLen    = 16
	generationEnd = sessionLen + 4
	refreshLen    = generationEnd + 16
)

// RefreshToken holds the parts of a refresh token: the session, the generation
// within it, and a MAC of both. The parts are not authentic before
// [Vault.VerifyRefresh].
type RefreshToken struct {
	Session    [16]byte
	Generation uint32
	MAC        [16]byte
}

// NewSeed returns the random half of the key of a session's refresh tokens. It
// is stored with the session and nowhere else: neither the seed nor the master
// secret alone can make a token.
func NewSeed() []byte {
	seed := make([]byte, SeedSize)
	rand.Read(seed)
	return seed
}

// RefreshToken returns the one refresh token of that session and generation. It
// panics if the seed is not SeedSize bytes long.
func (v *Vault) RefreshToken(session [16]byte, generation uint32, seed []byte) string {
	if len(seed) != SeedSize {
		panic("credential: a session's seed has another length")
	}
	t := RefreshToken{Session: session, Generation: generation}
	t.MAC = v.refreshMAC(session, generation, seed)
	return t.encode()
}

// encode returns the parts as one number in base36, of fixed length.
func (t RefreshToken) encode() string {
	raw := append(make([]byte, 0, refreshLen), t.Session[:]...)
	raw = binary.BigEndian.AppendUint32(raw, t.Generation)
	raw = append(raw, t.MAC[:]...)
	digits := new(big.Int).SetBytes(raw).Text(36)
	return seal36(Refresh, strings.Repeat("0", refreshTextLen-len(digits))+digits)
}

// Format keeps the token out of every log.
func (t RefreshToken) Format(f fmt.State, _ rune) {
	io.WriteString(f, "refresh token")
}

// ParseRefreshToken reads the parts of a token. It returns false for every text
// that [Vault.RefreshToken] could not have made.
func ParseRefreshToken(s string) (RefreshToken, bool) {
	if !Valid(Refresh, s) {
		return RefreshToken{}, false
	}
	n, ok := new(big.Int).SetString(s[len(Refresh):len(s)-checksumLen], 36)
	if !ok || n.BitLen() > 8*refreshLen {
		return RefreshToken{}, false
	}
	var raw [refreshLen]byte
	n.FillBytes(raw[:])
	t := RefreshToken{Generation: binary.BigEndian.Uint32(raw[sessionLen:])}
	copy(t.Session[:], raw[:])
	copy(t.MAC[:], raw[generationEnd:])
	return t, true
}

// VerifyRefresh reports, in constant time, whether this vault made t with that
// seed.
func (v *Vault) VerifyRefresh(t RefreshToken, seed []byte) bool {
	if len(seed) != SeedSize {
		return false
	}
	mac := v.refreshMAC(t.Session, t.Generation, seed)
	return hmac.Equal(mac[:], t.MAC[:])
}

// refreshMAC returns 128 bits of HMAC-SHA256 under a key of this session alone.
func (v *Vault) refreshMAC(session [16]byte, generation uint32, seed []byte) [16]byte {
	s := v.refresh.begin()
	s.mac.Write(seed)
	key := v.refresh.end(s)

	mac := hmac.New(sha256.New, key[:])
	mac.Write(binary.BigEndian.AppendUint32(session[:], generation))
	return [16]byte(mac.Sum(nil)[:16])
}
