package credential

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMalformedHash means that a stored password hash is not an argon2id PHC
// string within the accepted costs.
var ErrMalformedHash = errors.New("credential: malformed password hash")

const (
	saltLen = 16
	tagLen  = 32
)

// cost is the cost of one argon2id hash: memory in KiB, passes, and threads.
type cost struct {
	memory  uint32
	time    uint32
	threads uint8
}

// defaultCost is one of the OWASP recommendations. A stored hash may have
// another, up to maxCost, so that it can neither exhaust the memory nor block
// the limiter.
var (
	defaultCost = cost{memory: 19 << 10, time: 2, threads: 1}
	maxCost     = cost{memory: 64 << 10, time: 10, threads: 4}
)

// phc is a password hash in the PHC string format:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>
type phc struct {
	cost cost
	salt []byte
	tag  []byte
}

// String returns the canonical form, the only one that parsePHC accepts.
func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.cost.memory, h.cost.time, h.cost.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.tag))
}

func parsePHC(encoded string) (phc, error) {
	if len(encoded) > 256 {
		return phc{}, ErrMalformedHash
	}
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 {
		return phc{}, ErrMalformedHash
	}
	costs := strings.Split(fields[3], ",")
	if len(costs) != 3 {
		return phc{}, ErrMalformedHash
	}
	h := phc{cost: cost{
		memory:  bounded(costs[0], "m=", maxCost.memory),
		time:    bounded(costs[1], "t=", maxCost.time),
		threads: uint8(bounded(costs[2], "p=", uint32(maxCost.threads))),
	}}
	h.salt, _ = base64.RawStdEncoding.DecodeString(fields[4])
	h.tag, _ = base64.RawStdEncoding.DecodeString(fields[5])

	sane := h.cost.time >= 1 && h.cost.threads >= 1 && h.cost.memory >= 8*uint32(h.cost.threads) &&
		len(h.salt) >= 8 && len(h.salt) <= 64 && len(h.tag) >= 16 && len(h.tag) <= 64
	if !sane || h.String() != encoded {
		return phc{}, ErrMalformedHash
	}
	return h, nil
}

// bounded reads name and a decimal number from 1 to limit. It returns 0 for
// anything else.
func bounded(field, name string, limit uint32) uint32 {
	digits, ok := strings.CutPrefix(field, name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n > uint64(limit) {
		return 0
	}
	return uint32(n)
}
