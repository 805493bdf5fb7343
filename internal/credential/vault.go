package credential

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ErrOpen is returned by [Vault.Open] for bytes that were not sealed under this
// master secret, this extra key and this binding, or were altered since.
var ErrOpen = errors.New("credential: the sealed bytes do not open")

// sealVersion is the first sealed byte, so that the scheme can change.
const sealVersion = 1

// Vault holds the keys that are derived from the master secret, one for each
// use (HKDF with SHA-256, RFC 5869). It prints as its fingerprint only. Safe
// for concurrent use.
type Vault struct {
	pepper      *keyedMAC
	parts       *keyedMAC
	refresh     *keyedMAC
	sealing     []byte
	fingerprint string
}

// NewVault derives the keys. It returns [ErrWeakSecret] for a master secret
// that is shorter than 32 bytes or can be guessed.
func NewVault(master []byte) (*Vault, error) {
	if err := checkMaster(master); err != nil {
		return nil, err
	}
	return &Vault{
		pepper:      newKeyedMAC(derive(master, "pepper")),
		parts:       newKeyedMAC(derive(master, "parts")),
		refresh:     newKeyedMAC(derive(master, "refresh")),
		sealing:     derive(master, "sealing"),
		fingerprint: hex.EncodeToString(derive(master, "fingerprint")[:16]),
	}, nil
}

// derive returns 32 bytes for one purpose. Renaming a purpose loses everything
// that is stored under it.
func derive(secret []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "openwearables/1/"+purpose, 32)
	if err != nil {
		panic(err) // only for a length that HKDF cannot give
	}
	return key
}

// Hash returns the keyed hash of a secret, without allocating.
func (v *Vault) Hash(secret string) Hash {
	s := v.pepper.begin()
	s.write(secret)
	return v.pepper.end(s)
}

// HashParts returns the keyed hash of a sequence of parts within a domain.
// Different sequences have different hashes, as has one sequence in two
// domains, and no result equals one of [Vault.Hash].
func (v *Vault) HashParts(domain string, parts ...string) Hash {
	s := v.parts.begin()
	s.writePart(domain)
	for _, part := range parts {
		s.writePart(part)
	}
	return v.parts.end(s)
}

// Fingerprint returns a name of the master secret that reveals nothing of it:
// 32 hexadecimal digits, always the same for the same secret.
func (v *Vault) Fingerprint() string {
	return v.fingerprint
}

// Seal encrypts and authenticates plaintext (AES-256-GCM, a random nonce) under
// a key made of the vault's own and of extra, the caller's, which may be empty.
// Only both together open the result, and only with the same bind, which is
// authenticated and not stored. The result is 29 bytes longer than plaintext.
func (v *Vault) Seal(plaintext, bind []byte, extra string) ([]byte, error) {
	aead, err := v.aead(extra)
	if err != nil {
		return nil, fmt.Errorf("credential: seal: %w", err)
	}
	return aead.Seal([]byte{sealVersion}, nil, plaintext, bind), nil
}

// Open is the inverse of [Vault.Seal]. Its only error is [ErrOpen].
func (v *Vault) Open(sealed, bind []byte, extra string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, ErrOpen
	}
	aead, err := v.aead(extra)
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := aead.Open(nil, nil, sealed[1:], bind)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// aead returns a cipher keyed by HKDF over both keys. The vault's key comes
// first and has a fixed length, so that no two pairs run together.
func (v *Vault) aead(extra string) (cipher.AEAD, error) {
	both := append(append(make([]byte, 0, len(v.sealing)+len(extra)), v.sealing...), extra...)
	block, err := aes.NewCipher(derive(both, "sealed"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Format keeps the keys out of every log.
func (v Vault) Format(f fmt.State, _ rune) {
	io.WriteString(f, "vault "+v.fingerprint)
}
