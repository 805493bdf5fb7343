package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Config is what an operator may set. The zero value is not useful: start from
// DefaultConfig.
type Config struct {
	Issuer           string // the name of the installation in its tokens: DefaultIssuer, or its URL
	SigningAlgorithm string // of the first signing key; "" = HS256. Later ones have that of the key in use
	IssuesNothing    bool   // no tokens, and so no first signing key, whose algorithm is another process's choice
	Mirrored         bool   // there is an upstream, which only the nodes ask
	AccessTTL        time.Duration
	RefreshIdle      time.Duration // a session that is not used for so long ends
	RefreshAbsolute  time.Duration // a session ends after so long, used or not
	// RepeatLostRefreshes repeats, for lostWindow, the answer to the refresh of a user's app
	// that sends no Idempotency-Key, if the successor was not used and it asks from the same
	// client and network. Whoever copied the token and is there too then shares the session
	// unnoticed.
	RepeatLostRefreshes bool
	KeysInBrowsers      bool // pages may use API keys and secrets of applications
	Passwords           credential.PasswordPolicy
	Quotas              Quotas
	Limits              Limits
}

// Limits holds the policies of the buckets that requests spend.
type Limits struct {
	Key, Developer, User ratelimit.Policy // each by credential
	Address              ratelimit.Policy // of callers without a valid credential
	Login                ratelimit.Policy // by address
	LoginAccount         ratelimit.Policy // refused logins, by account
	Refresh              ratelimit.Policy // refresh and revoke, by address
	RefreshSession       ratelimit.Policy // by session
	ExchangeApp          ratelimit.Policy // by application
	ExchangeUser         ratelimit.Policy // by user
	ExchangeRefused      ratelimit.Policy // refused exchanges, by address
	Verify               ratelimit.Policy // verified credentials, by who asks
	VerifyRefused        ratelimit.Policy // of them those that were not made here, by who asks and for which address
	Ingest               ratelimit.Policy // uploads that are forwarded to an upstream, by credential
	Public               ratelimit.Policy // what is forwarded to an upstream without a credential, by address
	Pairing              ratelimit.Policy // refused pairing codes, by address
	Pairings             ratelimit.Policy // of all addresses
	Adoption             ratelimit.Policy // credentials that the upstream does not know either, by address
	Adoptions            ratelimit.Policy // questions to the upstream for unknown credentials, of all addresses
	KnownAddress         time.Duration    // how long a login makes its address and device known
}

// Lifetimes of replay records.
const (
	replayFor       = 24 * time.Hour
	replayTokensFor = 10 * time.Minute // expires_in ages
)

// raceWindow is how long after a rotation the old token, presented without a
// retry key, counts as a benign race and not as theft.
const raceWindow = 10 * time.Second

// lostWindow is how long after a rotation Config.RepeatLostRefreshes repeats its answer.
const lostWindow = 5 * time.Minute

// DefaultIssuer is the issuer of an installation that has no URL of its own.
const DefaultIssuer = "openwearables"

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{
		Issuer:          DefaultIssuer,
		AccessTTL:       time.Hour,
		RefreshIdle:     30 * 24 * time.Hour,
		RefreshAbsolute: 90 * 24 * time.Hour,
		Passwords:       credential.PasswordPolicy{Min: 15, Max: 128},
		Quotas:          DefaultQuotas(),
		Limits:          DefaultLimits(),
	}
}

// Quotas bounds how much there may be of what callers make.
type Quotas struct {
	Users, Keys, Applications int // of the installation
	// Of one developer and of one user, ended ones included. A new one takes the
	// place of one that has ended, or else of the one that was idle longest.
	DeveloperSessions, UserSessions int
}

// DefaultQuotas returns the documented quotas.
func DefaultQuotas() Quotas {
	return Quotas{Users: 1_000_000, Keys: 1000, Applications: 1000, DeveloperSessions: 50, UserSessions: 100}
}

// DefaultLimits returns the documented limits.
func DefaultLimits() Limits {
	minute := func(name string, limit int) ratelimit.Policy {
		return ratelimit.Policy{Name: name, Limit: limit, Window: time.Minute}
	}
	address := func(name string, limit int) ratelimit.Policy {
		return ratelimit.Policy{Name: name, Limit: limit, Window: time.Minute, PerAddress: true}
	}
	return Limits{
		Key:             minute("key", 1000),
		Developer:       minute("developer", 1000),
		User:            minute("user", 100),
		Address:         address("address", 600),
		Login:           address("login", 60),
		LoginAccount:    ratelimit.Policy{Name: "login-account", Limit: 10, Window: 15 * time.Minute, Locks: true},
		Refresh:         address("refresh", 1000),
		RefreshSession:  minute("refresh-session", 120),
		ExchangeApp:     minute("exchange", 600),
		ExchangeUser:    minute("exchange-user", 60),
		ExchangeRefused: address("exchange-refused", 60),
		Verify:          minute("verify", 10_000),
		VerifyRefused:   address("verify-refused", 600),
		Ingest:          minute("ingest", 1200),
		Public:          address("public", 6000),
		Pairing:         address("pairing", 20),
		Pairings:        minute("pairings", 300),
		Adoption:        address("adoption", 60),
		Adoptions:       minute("adoptions", 600),
		KnownAddress:    30 * 24 * time.Hour,
	}
}
