// Package usage counts requests by whose credential they carried, and reports
// the counts.
package usage

import (
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// Resolution is the length of the spans in which requests are counted. Its values
// are stored.
type Resolution int64

// The resolutions. A span begins when one begins in UTC.
const (
	Minute Resolution = iota
	Hour
	Day
)

// Length returns the length of a span.
func (r Resolution) Length() time.Duration {
	return [...]time.Duration{time.Minute, time.Hour, 24 * time.Hour}[r]
}

// Start returns the beginning of the span that the instant is in.
func (r Resolution) Start(at time.Time) time.Time { return at.UTC().Truncate(r.Length()) }

// Dimension is what the requests of a span are told apart by. Its values are
// stored.
type Dimension int64

// The dimensions. Clients, networks and what follows are told apart by day only.
// What follows networks is told apart only among the requests of the account.
const (
	Total Dimension = iota
	Operations
	Clients
	Networks
	Keys
	Applications
	Users
	Developers
)

// Names that stand for something else than themselves.
const (
	All     = "all"     // of Total
	Other   = "other"   // all names of a dimension that are not kept
	Unknown = "unknown" // the client or the network of a request that does not tell
)

// MaxNames is how many clients, and how many networks, of one subject are told
// apart in a day. MaxKept is the same for keys, applications, users and developers
// once the day is over: those with the most requests.
const (
	MaxNames = 64
	MaxKept  = 100
)

// Account is the subject of all requests.
const Account = "account"

// Subject names whose requests are counted together.
func Subject(kind auth.CredentialKind, id string) string {
	switch kind {
	case auth.APIKey:
		return "key:" + id
	case auth.AppSecret:
		return "application:" + id
	case auth.UserToken:
		return "user:" + id
	default:
		return "developer:" + id
	}
}

// Tally is how many requests there were, and how many of them were not answered
// with success.
type Tally struct {
	Requests   int64
	Refused    int64 // 4xx, without Limited
	Limited    int64 // 429
	Failed     int64 // 5xx
	LastUsedAt time.Time
}

// Add adds the requests of another tally.
func (t *Tally) Add(more Tally) {
	t.Requests += more.Requests
	t.Refused += more.Refused
	t.Limited += more.Limited
	t.Failed += more.Failed
	if more.LastUsedAt.After(t.LastUsedAt) {
		t.LastUsedAt = more.LastUsedAt
	}
}

// Source is what requests of one minute have in common.
type Source struct {
	Holder    auth.Holder
	Operation string
	Client    string // see ClientName
	Network   string // a /24, or a /48 of IPv6
	Minute    int64  // since 1970
}

// Count is the requests of one source.
type Count struct {
	Source
	Tally
}

// At returns when the minute of the source began.
func (s *Source) At() time.Time { return time.Unix(60*s.Minute, 0).UTC() }
