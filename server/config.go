package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

// Config holds the settings of an operator.
type Config struct {
	Addr           string // where Run listens
	Database       string // "sqlite:PATH" or "postgres://USER@HOST/NAME"
	Redis          string // "redis://HOST:PORT", shared by the nodes of a PostgreSQL database; "" = limits and revocations go through the database
	Secret         []byte // the master secret; empty = in a file beside the SQLite database
	AllowedOrigins []string
	TrustedProxies []netip.Prefix
	DrainDelay     time.Duration // how long requests are still accepted after /readyz turns 503
	MetricsAddr    string        // "" = no metrics listener
	TLSCert        string
	TLSKey         string
	InsecureHTTP   bool // allow plain HTTP beyond loopback
	Dev            bool // allow the origin localhost on any port
	Reflection     bool // gRPC server reflection
	Auth           auth.Config

	HashConcurrency int              // passwords hashed at once; 0 = GOMAXPROCS
	Now             func() time.Time // nil = time.Now
	Log             *slog.Logger     // nil = no log
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:8000", Database: "sqlite:openwearables.db", Auth: auth.DefaultConfig()}
}

// Check returns an error that says what to change if the configuration is
// invalid or unsafe.
func (c *Config) Check() error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("--addr %q must be HOST:PORT", c.Addr)
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	if len(c.Secret) > 0 {
		if _, err := credential.NewVault(c.Secret); err != nil {
			return fmt.Errorf("OPENWEARABLES_SECRET: %w", err)
		}
	}
	if c.MetricsAddr != "" {
		if _, _, err := net.SplitHostPort(c.MetricsAddr); err != nil {
			return fmt.Errorf("--metrics-addr %q must be HOST:PORT", c.MetricsAddr)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if c.TLSCert != "" {
		if _, err := readPair(c.TLSCert, c.TLSKey); err != nil {
			return err
		}
	}
	if !c.secure() {
		return fmt.Errorf("--addr %s would serve plain HTTP beyond this machine: give --tls-cert and --tls-key, "+
			"or --trusted-proxies where TLS ends before it, or --insecure-http to allow it", c.Addr)
	}
	for _, o := range c.AllowedOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != o {
			return fmt.Errorf("--allowed-origins %q must be origins such as https://app.example.com", o)
		}
	}
	switch c.Auth.SigningAlgorithm {
	case credential.HS256, credential.ES256, credential.EdDSA, "":
	default:
		return fmt.Errorf("--jwt-alg %q must be HS256, ES256 or EdDSA", c.Auth.SigningAlgorithm)
	}
	return c.checkNumbers()
}

func (c *Config) checkNumbers() error {
	a := &c.Auth
	switch {
	case a.AccessTTL < time.Minute || a.AccessTTL > 24*time.Hour || a.AccessTTL%time.Second != 0:
		return errors.New("--access-token-ttl must be 1m to 24h in whole seconds")
	case a.RefreshIdle < a.AccessTTL:
		return errors.New("--refresh-idle must be at least --access-token-ttl")
	case a.RefreshAbsolute < a.RefreshIdle || a.RefreshAbsolute > 10*365*24*time.Hour:
		return errors.New("--refresh-absolute must be at least --refresh-idle, and at most ten years")
	case c.DrainDelay < 0 || c.DrainDelay > time.Minute:
		return errors.New("--drain-delay must be 0s to 1m")
	case a.Passwords.Min < 8 || a.Passwords.Min > 64:
		return errors.New("--password-min must be 8 to 64")
	}
	l := &a.Limits
	for _, p := range []struct {
		flag  string
		limit int
	}{
		{"key", l.Key.Limit},
		{"developer", l.Developer.Limit},
		{"user", l.User.Limit},
		{"address", l.Address.Limit},
		{"login", l.Login.Limit},
		{"login-account", l.LoginAccount.Limit},
		{"refresh", l.Refresh.Limit},
		{"refresh-session", l.RefreshSession.Limit},
		{"exchange", l.ExchangeApp.Limit},
		{"exchange-user", l.ExchangeUser.Limit},
		{"exchange-refused", l.ExchangeRefused.Limit},
	} {
		if p.limit < 1 || p.limit > 1_000_000_000 {
			return fmt.Errorf("--limit-%s must be 1 to 1000000000", p.flag)
		}
	}
	return nil
}

func (c *Config) secure() bool {
	host, _, _ := net.SplitHostPort(c.Addr)
	ip, err := netip.ParseAddr(host)
	loopback := strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
	return loopback || c.TLSCert != "" || len(c.TrustedProxies) > 0 || c.InsecureHTTP
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
		return errors.New("a PostgreSQL database needs OPENWEARABLES_SECRET: set it to at least 32 random bytes, " +
			"such as openssl rand -base64 32 prints, the same for every process and kept for as long as the database")
	}
	return nil
}
