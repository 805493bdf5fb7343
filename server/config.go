package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/store"
)

// Config holds the settings of an operator.
type Config struct {
	Addr           string       // where Run listens
	PublicURL      string       // that callers know it by, and the issuer of its tokens; "" = unknown
	Database       string       // "sqlite:PATH" or "postgres://USER@HOST/NAME"
	Redis          string       // "redis://HOST:PORT", shared by the nodes of a PostgreSQL database; "" = limits and revocations go through the database
	Secret         []byte       // the master secret; empty = in a file beside the SQLite database
	SecretFiles    []SecretFile // that Secret, Database and Redis were read from
	AllowedOrigins []string
	AllowedHeaders []string // that pages of the origins may send beside the usual ones
	TrustedProxies []netip.Prefix
	ClientAddress  string        // how they name their clients: "x-forwarded-for" (or ""), "forwarded", "proxy-protocol"
	DrainDelay     time.Duration // how long requests are still accepted after /readyz turns 503
	MetricsAddr    string        // "" = no metrics listener

	ForwardAuthPolicy string // a file: who may call what behind proxies that ask here; "" = none ask
	ExtAuthzAddr      string // where Envoy asks over gRPC; "" = nowhere

	TLSCert       string
	TLSKey        string
	InsecureHTTP  bool // allow plain HTTP beyond loopback
	Dev           bool // allow the origin localhost on any port, and webhooks to this machine
	Reflection    bool // gRPC server reflection
	Dashboard     bool // serve the pages of the dashboard
	Traces        bool // send traces if the variables of OpenTelemetry (OTEL_…) ask for them
	Command       bool // executes a command and serves nothing: it is no node, so that the caller must wait for nodes on another Redis
	Connections   Connections
	Auth          auth.Config
	Workouts      event.Quota // of each user
	Retention     store.Retention
	AlertInterval time.Duration // between two looks for what needs an alert

	Upstream Upstream

	WebhookPrivateNetworks bool // send webhooks to private networks and this machine, over http too

	UploadMemory     int // MiB of bodies above 64 KiB that are received or served at once
	UploadsPerCaller int // such bodies of one caller

	HashConcurrency int              // passwords hashed at once; 0 = half of GOMAXPROCS
	Now             func() time.Time // nil = the database's, which on SQLite is Machine's
	Machine         func() time.Time // this machine's clock; nil = time.Now
	Log             *slog.Logger     // nil = no log
}

const day = 24 * time.Hour

// Connections bounds the open connections of the public listener, and the times on
// them.
type Connections struct {
	Total        int
	PerAddress   int           // of one address, or one /64 in IPv6; not of trusted proxies
	FirstRequest time.Duration // from the connection to the header of its first request
	Read         time.Duration // of one request with its body
	Idle         time.Duration // between two requests
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{
		Addr: "127.0.0.1:8000", Database: "sqlite:openwearables.db", ClientAddress: xForwardedFor, Dashboard: true,
		Auth: auth.DefaultConfig(), Workouts: event.DefaultQuota(),
		Connections: Connections{
			Total: 10_000, PerAddress: 1_000, FirstRequest: 10 * time.Second, Read: 30 * time.Second, Idle: 620 * time.Second,
		},
		Retention: store.Retention{
			Audit: 400 * day, Ledger: 6 * 365 * day, UsageMinutes: 2 * day, UsageHours: 90 * day, UsageDays: 2 * 365 * day,
			Alerts: 400 * day,
		},
		AlertInterval: time.Minute,
		UploadMemory:  64, UploadsPerCaller: 2, Upstream: Upstream{Streams: 30},
	}
}

// machine returns the clock of this machine, or what a test has in its place.
func (c *Config) machine() func() time.Time {
	switch {
	case c.Machine != nil:
		return c.Machine
	case c.Now != nil:
		return c.Now
	default:
		return time.Now
	}
}

// Check returns an error that says what to change if the configuration is
// invalid or unsafe. It brings origins and proxies into their canonical form.
func (c *Config) Check() error { return errors.Join(c.Problems()...) }

// Problems returns all that [Config.Check] refuses.
func (c *Config) Problems() (all []error) {
	add := func(err error) {
		if err != nil {
			all = append(all, err)
		}
	}
	add(c.checkAddresses())
	add(c.checkDatabase())
	if len(c.Secret) > 0 {
		if _, err := credential.NewVault(c.Secret); err != nil {
			add(fmt.Errorf("%s: %w", c.secretName(), err))
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		add(errors.New("--tls-cert and --tls-key go together"))
	} else if c.TLSCert != "" {
		_, err := readPair(c.TLSCert, c.TLSKey)
		add(err)
	}
	if len(all) == 0 && !c.secure() { // else the address or the certificate is wrong
		add(fmt.Errorf("--addr %s would serve plain HTTP beyond this machine: give --tls-cert and --tls-key, "+
			"or --trusted-proxies where TLS ends before it, or --insecure-http to allow it", c.Addr))
	}
	add(c.checkProxies())
	add(c.checkOrigins())
	add(c.checkUpstream())
	add(c.checkPublicURL())
	add(c.checkForwardAuth())
	switch c.Auth.SigningAlgorithm {
	case credential.HS256, credential.ES256, credential.EdDSA, "":
	default:
		add(fmt.Errorf("--jwt-alg %q must be HS256, ES256 or EdDSA", c.Auth.SigningAlgorithm))
	}
	return append(all, c.numberProblems()...)
}

// numberProblems returns the settings that are too low or too high.
func (c *Config) numberProblems() (all []error) {
	refuse := func(refused bool, format string, values ...any) {
		if refused {
			all = append(all, fmt.Errorf(format, values...))
		}
	}
	a := &c.Auth
	shortest := time.Minute
	if c.Dev {
		shortest = time.Second
	}
	refuse(a.AccessTTL < shortest || a.AccessTTL > 24*time.Hour || a.AccessTTL%time.Second != 0,
		"--access-token-ttl must be 1m to 24h in whole seconds, with --dev from 1s")
	refuse(a.RefreshIdle < a.AccessTTL, "--refresh-idle must be at least --access-token-ttl")
	refuse(a.RefreshAbsolute < a.RefreshIdle || a.RefreshAbsolute > 10*365*24*time.Hour,
		"--refresh-absolute must be at least --refresh-idle, and at most ten years")
	refuse(c.DrainDelay < 0 || c.DrainDelay > time.Minute, "--drain-delay must be 0s to 1m")
	refuse(a.Passwords.Min < 8 || a.Passwords.Min > 64, "--password-min must be 8 to 64")
	refuse(c.AlertInterval < 100*time.Millisecond || c.AlertInterval > time.Hour, "--alert-interval must be 100ms to 1h")
	refuse(c.UploadMemory < 8 || c.UploadMemory > 1<<20, "--upload-memory must be 8, which is one body, to 1048576")
	refuse(c.UploadsPerCaller < 1 || c.UploadsPerCaller > 10_000, "--uploads-per-caller must be 1 to 10000")
	for _, r := range c.namedRetentions() {
		refuse(r.span != 0 && (r.span < day || r.span > 100*365*day), "--%s must be 24h to 876000h, or 0 for ever", r.flag)
	}
	n := &c.Connections
	refuse(n.Total < 1 || n.Total > maxTotal, "--max-connections must be 1 to %d", maxTotal)
	refuse(n.PerAddress < 1 || n.PerAddress > n.Total, "--max-address-connections must be 1 to --max-connections")
	refuse(n.FirstRequest < time.Second || n.FirstRequest > time.Minute, "--first-request-timeout must be 1s to 1m")
	refuse(n.Read < time.Second || n.Read > 10*time.Minute, "--read-timeout must be 1s to 10m")
	refuse(n.Idle < time.Second || n.Idle > 24*time.Hour, "--idle-timeout must be 1s to 24h")
	for _, l := range namedLimits(&a.Limits) {
		refuse(l.limit < 1 || l.limit > maxLimit, "--limit-%s must be 1 to %d", l.flag, maxLimit)
	}
	for _, q := range c.namedQuotas() {
		refuse(q.limit < 1 || q.limit > q.most, "--quota-%s must be 1 to %d", q.flag, q.most)
	}
	return all
}

// maxTotal is how many connections may be allowed at most: each takes a file
// descriptor.
const maxTotal = 1_000_000

// namedSpan is a time and the name of its flag.
type namedSpan struct {
	flag string
	span time.Duration
}

// namedRetentions returns how long each kind of record is kept; 0 is for ever.
func (c *Config) namedRetentions() []namedSpan {
	r := &c.Retention
	return []namedSpan{
		{"audit-retention", r.Audit},
		{"ledger-retention", r.Ledger},
		{"alert-retention", r.Alerts},
		{"usage-minute-retention", r.UsageMinutes},
		{"usage-hour-retention", r.UsageHours},
		{"usage-day-retention", r.UsageDays},
	}
}

// namedQuota is a quota, the end of its flag's name, and the most that it may be.
type namedQuota struct {
	flag  string
	limit int
	most  int
}

func (c *Config) namedQuotas() []namedQuota {
	q := &c.Auth.Quotas
	return []namedQuota{
		{"users", q.Users, maxLimit},
		{"keys", q.Keys, maxListed},
		{"applications", q.Applications, maxListed},
		{"developer-sessions", q.DeveloperSessions, maxListed},
		{"user-sessions", q.UserSessions, maxListed},
		{"workouts", c.Workouts.Workouts, maxLimit},
		{"workout-bytes", c.Workouts.Bytes, 1 << 50},
	}
}

// maxLimit is the highest limit that may be set, and maxListed the highest quota
// of what is listed or looked through as a whole.
const (
	maxLimit  = 1_000_000_000
	maxListed = 100_000
)

// namedLimit is a limit, its window, and the end of its flag's name.
type namedLimit struct {
	flag   string
	limit  int
	window time.Duration
}

func namedLimits(l *auth.Limits) (all []namedLimit) {
	for _, n := range []struct {
		flag string
		of   ratelimit.Policy
	}{
		{"key", l.Key},
		{"developer", l.Developer},
		{"user", l.User},
		{"address", l.Address},
		{"login", l.Login},
		{"login-account", l.LoginAccount},
		{"refresh", l.Refresh},
		{"refresh-session", l.RefreshSession},
		{"exchange", l.ExchangeApp},
		{"exchange-user", l.ExchangeUser},
		{"exchange-refused", l.ExchangeRefused},
		{"verify", l.Verify},
		{"verify-refused", l.VerifyRefused},
		{"ingest", l.Ingest},
		{"public", l.Public},
		{"pairing", l.Pairing},
		{"pairings", l.Pairings},
		{"adoption", l.Adoption},
		{"adoptions", l.Adoptions},
	} {
		all = append(all, namedLimit{n.flag, n.of.Limit, n.of.Window})
	}
	return all
}

// checkAddresses refuses addresses that are malformed or the same.
func (c *Config) checkAddresses() error {
	type listener struct{ flag, address, what, host, port string }
	var all []listener
	for _, l := range []listener{
		{flag: "--addr", address: c.Addr},
		{flag: "--metrics-addr", address: c.MetricsAddr, what: "the metrics"},
		{flag: "--ext-authz-addr", address: c.ExtAuthzAddr, what: "the proxies"},
	} {
		if l.address == "" && l.what != "" {
			continue
		}
		var err error
		if l.host, l.port, err = splitAddress(l.flag, l.address); err != nil {
			return err
		}
		for _, other := range all {
			if l.port == other.port && l.port != "0" && overlap(l.host, other.host) {
				return fmt.Errorf("%s %s is the address of %s: give %s a port of their own", l.flag, l.address, other.flag, l.what)
			}
		}
		all = append(all, l)
	}
	return nil
}

func splitAddress(flag, address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("%s %q must be HOST:PORT", flag, address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return "", "", fmt.Errorf("%s %q must be HOST:PORT, with a port of 0 to 65535", flag, address)
	}
	return host, port, nil
}

// overlap reports whether a listener on one host also listens on the other.
func overlap(a, b string) bool {
	return isEvery(a) || isEvery(b) || numeric(a) == numeric(b)
}

// numeric returns the address that net.Listen uses for a host, or its name.
func numeric(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(host)
}

// isEvery reports whether the host means every address of the machine.
func isEvery(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

func (c *Config) secure() bool {
	host, _, _ := net.SplitHostPort(c.Addr)
	return isLoopback(host) || c.TLSCert != "" || len(c.TrustedProxies) > 0 || c.InsecureHTTP
}

// SQLitePath returns the path of the SQLite file, or "" for PostgreSQL.
func (c *Config) SQLitePath() string {
	path, _ := strings.CutPrefix(c.Database, "sqlite:")
	if path == c.Database {
		return ""
	}
	return path
}

func (c *Config) checkDatabase() error {
	scheme, rest, _ := strings.Cut(c.Database, ":")
	switch {
	case rest != "" && scheme == "sqlite" && c.Redis != "":
		return errors.New("--redis is for several processes on one PostgreSQL database: leave it out with SQLite, which one process serves")
	case rest != "" && scheme == "sqlite":
		return nil
	case rest == "" || scheme != "postgres" && scheme != "postgresql":
		return errors.New("--database must be sqlite:PATH or postgres://USER@HOST/NAME")
	case len(c.Secret) == 0:
		return errors.New("a PostgreSQL database needs OPENWEARABLES_SECRET or --secret-file: set it to at least 32 random bytes, " +
			"such as openssl rand -base64 32 prints, the same for every process and kept for as long as the database")
	}
	return nil
}
