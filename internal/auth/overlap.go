package auth

import (
	"math"
	"time"
)

// Overlap is the time for which the secret before the newest one of a key or an
// application lives, and what used that secret since the newest was made.
type Overlap struct {
	ExpiresAt         time.Time // when that secret ends
	LastUsedAt        *time.Time
	LastUsedIP        *string
	LastUsedClient    *string // User-Agent
	LastUsedOperation *string
	Requests          int32
}

// PreviousUse is what is stored of the uses of a previous secret.
type PreviousUse struct {
	PreviousUsedAt        *time.Time
	PreviousUsedIP        *string
	PreviousUsedClient    *string
	PreviousUsedOperation *string
	PreviousRequests      int64
	PreviousCounted       *time.Time // the end of the secret that was counted
}

// add adds uses of the secret that ends at the instant. Those of another one are
// forgotten.
func (p *PreviousUse) add(ends time.Time, u SecretUse) {
	if p.PreviousCounted == nil || !p.PreviousCounted.Equal(ends) {
		*p = PreviousUse{PreviousCounted: &ends}
	}
	p.PreviousRequests += u.Requests
	if p.PreviousUsedAt != nil && !u.At.After(*p.PreviousUsedAt) {
		return
	}
	at := u.At
	p.PreviousUsedAt, p.PreviousUsedIP = &at, optional(u.IP)
	p.PreviousUsedClient, p.PreviousUsedOperation = optional(u.Client), optional(u.Operation)
}

// of returns the overlap that ends at the instant, nil if there is none.
func (p *PreviousUse) of(ends *time.Time) *Overlap {
	switch {
	case ends == nil:
		return nil
	case p.PreviousCounted == nil || !p.PreviousCounted.Equal(*ends):
		return &Overlap{ExpiresAt: *ends}
	}
	return &Overlap{
		ExpiresAt: *ends, LastUsedAt: p.PreviousUsedAt, LastUsedIP: p.PreviousUsedIP,
		LastUsedClient: p.PreviousUsedClient, LastUsedOperation: p.PreviousUsedOperation,
		Requests: int32(min(p.PreviousRequests, math.MaxInt32)),
	}
}

// countPrevious adds uses to what is stored of the secret that ends at the instant, if
// they are of that one, which it reports.
func countPrevious(p *PreviousUse, ends *time.Time, of OlderSecret, u SecretUse) bool {
	if ends == nil || ends.UnixMicro() != of.Ends {
		return false
	}
	p.add(*ends, u)
	return true
}
