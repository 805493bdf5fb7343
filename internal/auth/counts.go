package auth

import "sync/atomic"

// RefreshOutcome is how a refresh was decided.
type RefreshOutcome uint8

// The outcomes of a refresh. One that could not be decided, because the store was
// away or a limit was reached, has none.
const (
	refreshUndecided RefreshOutcome = iota
	refreshRotated                  // a new pair
	refreshRetried                  // the same successor again
	refreshEnded                    // used twice: the session was ended
	refreshExpired                  // of a session whose time is over
	refreshRefused                  // any other 401
	refreshOutcomes
)

// RefreshOutcomes returns every outcome.
func RefreshOutcomes() []RefreshOutcome {
	return []RefreshOutcome{refreshRotated, refreshRetried, refreshEnded, refreshExpired, refreshRefused}
}

func (o RefreshOutcome) String() string {
	return [...]string{"undecided", "rotated", "retried", "reused", "expired", "refused"}[o]
}

// outcome returns what the verdict on a session meant.
func (v verdict) outcome(lapsed bool) RefreshOutcome {
	switch {
	case v == refreshRotate:
		return refreshRotated
	case v == refreshReplay:
		return refreshRetried
	case v == refreshReused:
		return refreshEnded
	case v == refreshInvalid && lapsed:
		return refreshExpired
	default:
		return refreshRefused
	}
}

// limitNames are the names of the policies, in the order of limitCounts.
var limitNames = [...]string{
	"key", "developer", "user", "address", "login", "login-account", "refresh", "refresh-session", "exchange", "exchange-user", "exchange-refused",
	"verify", "verify-refused", "ingest", "public", "pairing", "pairings", "adoption", "adoptions",
}

// limitCounts counts what each limit decided. Safe for concurrent use.
type limitCounts [len(limitNames)]struct{ allowed, limited atomic.Uint64 }

// add counts one decision. Policies of other names are not counted.
func (l *limitCounts) add(name string, admitted bool) {
	i := limitIndex(name)
	switch {
	case i < 0:
	case admitted:
		l[i].allowed.Add(1)
	default:
		l[i].limited.Add(1)
	}
}

// limitIndex returns the place of a name in limitNames, or -1. It is a switch since
// each request passes here.
func limitIndex(name string) int {
	switch name {
	case "key":
		return 0
	case "developer":
		return 1
	case "user":
		return 2
	case "address":
		return 3
	case "login":
		return 4
	case "login-account":
		return 5
	case "refresh":
		return 6
	case "refresh-session":
		return 7
	case "exchange":
		return 8
	case "exchange-user":
		return 9
	case "exchange-refused":
		return 10
	case "verify":
		return 11
	case "verify-refused":
		return 12
	case "ingest":
		return 13
	case "public":
		return 14
	case "pairing":
		return 15
	case "pairings":
		return 16
	case "adoption":
		return 17
	case "adoptions":
		return 18
	default:
		return -1
	}
}

// CacheStats is what the cache of verified credentials has done since the start.
type CacheStats struct {
	Hits, Misses uint64
	// Outdated counts hits that were verified again, because a peer may have ended
	// the credential.
	Outdated uint64
	Entries  int
}

// cacheCounts are the counts of a CacheStats. Safe for concurrent use.
type cacheCounts struct{ hits, misses, outdated atomic.Uint64 }
