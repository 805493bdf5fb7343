// Package credential turns bytes into credentials and back: the formats of keys
// and tokens with their checksums, keyed hashes and sealing under one master
// secret, the policy and hashing of passwords, and the signing and strict
// verification of JWTs. It holds no state but keys, reads no clock and does no
// I/O.
package credential

import (
	"crypto/rand"
	"hash/crc32"
	"strings"
)

// Prefix is the leading text of a credential and names its kind. The rest is
// made of [0-9a-z]: a payload, then a checksum of 7 characters, the CRC32
// (IEEE) of prefix and payload in base36. Every secret of this product
// therefore matches
//
//	\b(ow_(live|test)_[0-9a-z]{36}|secret_[0-9a-z]{44}|rt_[0-9a-z]{63})\b
//
// and the checksum tells a real one from a look-alike without a lookup.
type Prefix string

// The kinds of credential. KeyID, AppID, WebhookID and MessageID are public names, the
// others secrets.
const (
	LiveKey   Prefix = "ow_live_"
	TestKey   Prefix = "ow_test_"
	KeyID     Prefix = "key_"
	AppID     Prefix = "app_"
	AppSecret Prefix = "secret_"
	Refresh   Prefix = "rt_"
	WebhookID Prefix = "we_"
	MessageID Prefix = "msg_"
)

const (
	alphabet       = "0123456789abcdefghijklmnopqrstuvwxyz"
	checksumLen    = 7 // 36^6 < 2^32 < 36^7
	unbiasedBytes  = 252
	refreshTextLen = 56 // 36^55 < 2^288 < 36^56
)

// payloadLen returns 0 for an unknown prefix.
func (p Prefix) payloadLen() int {
	switch p {
	case LiveKey, TestKey:
		return 29
	case AppSecret:
		return 37
	case KeyID, AppID, WebhookID, MessageID:
		return 17
	case Refresh:
		return refreshTextLen
	default:
		return 0
	}
}

// Len returns the length of a credential of the kind p with its prefix and
// checksum, and 0 for an unknown prefix.
func (p Prefix) Len() int {
	n := p.payloadLen()
	if n == 0 {
		return 0
	}
	return len(p) + n + checksumLen
}

// Mint returns a new random credential of the kind p: 149 bits in a key, 191 in
// an application secret, 87 in an id. It panics for Refresh, whose tokens
// [Vault.RefreshToken] derives, and for an unknown prefix.
func Mint(p Prefix) string {
	n := p.payloadLen()
	if n == 0 || p == Refresh {
		panic("credential: no random credential has the prefix " + string(p))
	}
	return seal36(p, random36(n))
}

// Valid reports whether s has the form of p and a right checksum. It neither
// allocates nor looks anything up, and says nothing about the origin of s.
func Valid(p Prefix, s string) bool {
	if n := p.Len(); n == 0 || len(s) != n || !strings.HasPrefix(s, string(p)) {
		return false
	}
	for i := len(p); i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	body, sum := s[:len(s)-checksumLen], s[len(s)-checksumLen:]
	want := checksum(body)
	return sum == string(want[:])
}

// ValidKey reports whether s is [Valid] as an API key of the live or the test
// environment, or has the form of one that may have been imported.
func ValidKey(s string) bool {
	return Valid(LiveKey, s) || Valid(TestKey, s) || IsImportedKey(s)
}

// HasKeyForm reports whether s presents itself as an API key. What begins with
// "ow_" or "sk-" is authenticated as a key, never as another kind of credential.
func HasKeyForm(s string) bool {
	return strings.HasPrefix(s, "ow_") || strings.HasPrefix(s, importedKey)
}

// seal36 joins a prefix, a payload in base36 and their checksum.
func seal36(p Prefix, payload string) string {
	body := string(p) + payload
	sum := checksum(body)
	return body + string(sum[:])
}

// checksum walks the table itself, because crc32.ChecksumIEEE takes a byte
// slice, into which a string would have to be copied.
func checksum(body string) [checksumLen]byte {
	crc := ^uint32(0)
	for i := range len(body) {
		crc = crc32.IEEETable[byte(crc)^body[i]] ^ crc>>8
	}
	crc = ^crc
	var sum [checksumLen]byte
	for i := checksumLen - 1; i >= 0; i-- {
		sum[i] = alphabet[crc%36]
		crc /= 36
	}
	return sum
}

// random36 returns n uniform characters of [0-9a-z]. A byte of 252 or more is
// drawn again, because 256 is not a multiple of 36.
func random36(n int) string {
	text := make([]byte, 0, n)
	var draw [64]byte
	for len(text) < n {
		rand.Read(draw[:])
		for _, b := range draw {
			if b < unbiasedBytes && len(text) < n {
				text = append(text, alphabet[b%36])
			}
		}
	}
	return string(text)
}
