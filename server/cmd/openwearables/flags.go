package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/server"
)

const prefix = "OPENWEARABLES_"

// sdkVariables are the variables with our prefix that the SDKs and the commands on the API
// read.
var sdkVariables = []string{
	prefix + "API_KEY", prefix + "APP_ID", prefix + "APP_SECRET", prefix + "BASE_URL", prefix + "PROFILE",
}

// serviceVariable matches the names of the variables that Kubernetes sets for each
// service. Those of a service whose name begins with ours have our prefix.
var serviceVariable = regexp.MustCompile(`^\w+_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// secretVariable holds the master secret. It has no flag, so that no process
// list shows it; --secret-file names a file that holds it.
const secretVariable = prefix + "SECRET"

// settings are the flags of a command and the configuration that they set.
type settings struct {
	*pflag.FlagSet
	summary string // what the command does; the list of all of them has it up to a semicolon
	details string // what its help says after the flags
	apart   bool   // it is not about the installation that the variables describe
	config  server.Config
	log     string
	files   map[string]*string // by the name of a setting, the path of the file that holds it
	sources map[string]source  // of what was given
	empty   bool               // --dev creates nobody

	upstreamKey, upstreamDeveloper string // paths of files

	environ []string
	stdout  io.Writer
}

// newSettings returns settings without flags, of the command with that name of one or
// two words.
func (p *program) newSettings(command, summary string) *settings {
	return &settings{
		FlagSet: pflag.NewFlagSet(command, pflag.ContinueOnError), summary: summary, details: aboutVariables,
		config: server.DefaultConfig(), files: map[string]*string{}, sources: map[string]source{}, environ: p.environ, stdout: p.stdout,
	}
}

// apartSettings returns settings without flags of a command that ignores the variables,
// which concern an installation.
func (p *program) apartSettings(command, summary, details string) *settings {
	s := p.newSettings(command, summary)
	s.apart, s.details = true, details
	return s
}

// databaseSettings returns settings with the flags of every command on one
// database.
func (p *program) databaseSettings(command, summary string) *settings {
	s := p.newSettings(command, summary)
	s.StringVar(&s.config.Database, "database", s.config.Database, "the `database`: sqlite:PATH or postgres://USER@HOST/NAME")
	s.StringVar(&s.config.Redis, "redis", "", "the `server` that the nodes of a PostgreSQL database share limits and revocations through: redis://HOST:PORT")
	for _, name := range []string{"secret", "database", "redis"} {
		s.fromFile(name)
	}
	return s
}

// source is where a setting came from. A later one wins.
type source int

const (
	fromDefault source = iota
	fromVariable
	fromFlag
)

// fromFile adds the flag of a file that holds the named setting.
func (s *settings) fromFile(name string) {
	of := map[string]string{"secret": "the master secret", "database": "--database", "redis": "--redis"}[name]
	s.files[name] = s.String(name+"-file", "", "`file` with "+of+", which a supervisor put there: it may be a link and belong to any user, "+
		"and is best of mode 0400 or 0440")
}

// readFiles reads the settings that files hold, unless they were given by something
// that wins over it.
func (s *settings) readFiles() error {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		file := name + "-file"
		switch from := s.sources[file]; {
		case from == fromDefault || from < s.sources[name]:
			continue
		case from == s.sources[name]:
			return usageError(fmt.Sprintf("%s is given twice: leave out %s or %s", name, variable(name), variable(file)))
		}
		content, err := s.config.ReadSecretFile(file, *s.files[name])
		if err != nil {
			return err
		}
		switch name {
		case "secret":
			s.config.Secret = []byte(content)
		case "database":
			s.config.Database = content
		case "redis":
			s.config.Redis = content
		}
	}
	return s.config.ReadUpstreamFiles(s.upstreamKey, s.upstreamDeveloper)
}

// readEnvironment reads the variables of flags that were not given, and the files that
// settings name. It refuses unknown variables with our prefix, unless they belong to the
// SDKs or a supervisor sets them by itself.
func (s *settings) readEnvironment() error {
	s.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			s.sources[f.Name] = fromFlag
		}
	})
	for _, entry := range s.environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(sdkVariables, name) || name == sourceVariable || ofService(name, value) {
			continue
		}
		if err := s.setVariable(name, value); err != nil {
			return err
		}
	}
	return s.readFiles()
}

// ofService reports whether a variable describes a service. NAME_PORT does so if
// it is a URL: a bare number was meant as a setting.
func ofService(name, value string) bool {
	return serviceVariable.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// setVariable applies one variable with our prefix, unless its flag was given.
func (s *settings) setVariable(name, value string) error {
	if name == secretVariable {
		if value == "" {
			return fmt.Errorf("%s is empty: give it at least 32 random bytes, or unset it to use the secret in the file beside a SQLite database", name)
		}
		s.config.Secret, s.sources["secret"] = []byte(value), fromVariable
		return nil
	}
	option := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "_", "-")
	if !slices.Contains(flagsWithVariable(), option) || variable(option) != name {
		return fmt.Errorf("%s is not a setting of openwearables: unset it, or see openwearables serve --help for those that are", name)
	}
	if f := s.Lookup(option); f != nil && s.sources[option] != fromFlag {
		if err := f.Value.Set(value); err != nil {
			return fmt.Errorf("%s=%q: %w", name, value, err)
		}
		s.sources[option] = fromVariable
	}
	return nil
}

// aboutVariables ends the help of a command on an installation.
var aboutVariables = fmt.Sprintf(`
A flag wins over its variable. The master secret, at least 32 bytes, is given
as %s, or in the file that --secret-file names; without one, a
SQLite database gets a secret in a file beside it. Another variable that begins with %s is
refused, but for those of a Kubernetes service, such as %sSERVICE_HOST,
and those of the SDKs:
%s
`, secretVariable, prefix, prefix, strings.Join(sdkVariables, " "))

// help prints the summary of the command and the reference of its settings.
func (s *settings) help() {
	fmt.Fprintf(s.stdout, "openwearables %s: %s\n\n", s.Name(), s.summary)
	s.printFlags()
	if s.Lookup("limit-key") != nil {
		fmt.Fprint(s.stdout, "\nA limit is 1 to 1000000000; one above 100 times its default is warned of.\n")
	}
	fmt.Fprint(s.stdout, s.details)
}

// printFlags prints what each flag takes.
func (s *settings) printFlags() {
	variables := flagsWithVariable()
	commandline.PrintFlags(s.stdout, s.FlagSet, func(f *pflag.Flag) string {
		if s.apart || !slices.Contains(variables, f.Name) {
			return ""
		}
		return "variable " + variable(f.Name)
	})
}

// variable returns the name of the variable of a flag.
func variable(option string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// flagsWithVariable returns the flags that have a variable: those of serve.
func flagsWithVariable() []string {
	var names []string
	(&program{}).serveSettings("serve", "").VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// serveSettings returns settings with the flags of serve, which some commands share.
func (p *program) serveSettings(command, summary string) *settings {
	s := p.databaseSettings(command, summary)
	c, a := &s.config, &s.config.Auth
	s.StringVar(&c.Addr, "addr", c.Addr, "`host:port` to listen on, port 0 to 65535")
	s.StringVar(&c.PublicURL, "public-url", "", "the `URL` that callers know this server by, such as https://auth.example.com: its access tokens then name it as their issuer, and /.well-known/oauth-authorization-server describes it")
	s.Var((*texts)(&c.AllowedOrigins), "allowed-origins", "comma-separated `origins` whose pages may call the API and use the refresh cookie, each such as https://app.example.com or capacitor://localhost; * is refused")
	s.Var((*texts)(&c.AllowedHeaders), "allowed-headers", "comma-separated `names` of headers that those pages may send beside the usual ones")
	s.toggle(&a.KeysInBrowsers, "allow-keys-in-browsers", "let pages use API keys and secrets of applications, which their visitors can read")
	s.Var((*proxies)(&c.TrustedProxies), "trusted-proxies", "comma-separated `addresses` or networks who say which client calls: none wider than /8")
	s.StringVar(&c.ClientAddress, "client-address", c.ClientAddress, "`how` trusted proxies name their clients: x-forwarded-for, forwarded (RFC 7239), or proxy-protocol (version 2), which then begins each of their connections")
	s.duration(&c.DrainDelay, "drain-delay", "how long requests are still accepted after SIGTERM, while /readyz is 503; longer than the load balancer takes to notice, 0s to 1m")
	s.StringVar(&c.MetricsAddr, "metrics-addr", "", "`host:port` of a listener of its own for /metrics, with a port other than that of --addr; none by default")
	s.StringVar(&c.ForwardAuthPolicy, "forward-auth-policy", "", "`file` that says who may call what behind proxies that ask at /forward-auth before they forward; a changed one is taken up within seconds")
	s.StringVar(&c.ExtAuthzAddr, "ext-authz-addr", "", "`host:port` of a listener of its own where Envoy asks over gRPC, with a port other than the others; needs --forward-auth-policy")
	s.StringVar(&c.TLSCert, "tls-cert", "", "`file` with the certificate chain; a renewed one is taken up within a minute")
	s.StringVar(&c.TLSKey, "tls-key", "", "`file` with the certificate's key")
	s.toggle(&c.InsecureHTTP, "insecure-http", "serve plain HTTP beyond this machine")
	s.toggle(&c.Dev, "dev", "for development: create a first developer, a key, an application and a user with data; allow pages of localhost and webhooks to this machine")
	s.toggle(&s.empty, "empty", "with --dev: create none of these, so that the first developer is made at the setup address")
	s.toggle(&c.WebhookPrivateNetworks, "webhook-allow-private-networks", "send webhooks also to private networks and this machine, and there over http too; every developer can then make the server call what they reach")
	s.StringVar(&c.Upstream.URL, "upstream", "", "`address` of the Open Wearables backend to which requests for data are forwarded: http://HOST:PORT")
	s.StringVar(&s.upstreamKey, "upstream-key-file", "", "`file` of mode 0600 with an API key of that backend, and nothing else")
	s.StringVar(&s.upstreamDeveloper, "upstream-developer-file", "", "`file` of mode 0600 with the email of a developer of that backend on its first line, and the password on its second")
	s.toggle(&c.Upstream.Adopt, "adopt", "ask the backend of --upstream once for each API key, application, refresh token and login that is unknown here, and take it over if it is good there: "+
		"where its database cannot be imported. Leave it out once all have come")
	s.number(&c.Upstream.Streams, "upstream-streams", "event streams of --upstream that are open at once on this node, 1 to 1000; it has 50 connections to its database, of which each takes one")
	s.Var((*texts)(&c.Upstream.Allow), "upstream-allow", "comma-separated further `paths` to forward for developers alone, each as \"GET /api/v1/path/{value}\"")
	s.toggle(&c.Dashboard, "dashboard", "serve the dashboard, at / and at the other paths of its pages")
	s.toggle(&c.Reflection, "reflection", "serve gRPC server reflection")
	s.number(&c.Connections.Total, "max-connections", "open connections, 1 to 1000000; each takes a file descriptor")
	s.number(&c.Connections.PerAddress, "max-address-connections", "open connections of one address that is not a trusted proxy, 1 to --max-connections")
	s.duration(&c.Connections.FirstRequest, "first-request-timeout", "how long a connection may be without a first request, 1s to 1m")
	s.duration(&c.Connections.Read, "read-timeout", "how long a request with its body may take to arrive, 1s to 10m")
	s.duration(&c.Connections.Idle, "idle-timeout", "how long a connection may be idle, longer than the load balancer keeps it, 1s to 24h")
	s.StringVar(&s.log, "log-level", "info", "`level` of the log: debug, info, warn or error")
	s.duration(&a.AccessTTL, "access-token-ttl", "lifetime of an access token, 1m to 24h, with --dev from 1s")
	s.duration(&a.RefreshIdle, "refresh-idle", "a session that is not refreshed for so long ends; from --access-token-ttl to --refresh-absolute")
	s.duration(&a.RefreshAbsolute, "refresh-absolute", "a session ends after so long in any case, from --refresh-idle to 87600h")
	s.toggle(&a.RepeatLostRefreshes, "repeat-lost-refreshes", "for apps that send no Idempotency-Key: a user's refresh token that comes again within 5 minutes, from the same client and network, gets the same successor while that is unused, and not a 401. It weakens the detection of theft: who copied the token and is in that network too shares the session unnoticed")
	s.StringVar(&a.SigningAlgorithm, "jwt-alg", a.SigningAlgorithm, "`algorithm` of access tokens of a new installation: ES256 or EdDSA, which others verify with /.well-known/jwks.json, or HS256, for which that is empty; HS256 by default. Later, signing-key rotate --jwt-alg changes it")
	s.number(&a.Passwords.Min, "password-min", "shortest new password, in characters, 8 to 64")
	s.number(&c.UploadMemory, "upload-memory", "MiB of bodies above 64 KiB that are received or served at once, 8 to 1048576")
	s.number(&c.UploadsPerCaller, "uploads-per-caller", "bodies above 64 KiB of one user, key or developer at once, 1 to 10000")
	l := &a.Limits
	s.number(&l.Key.Limit, "limit-key", "requests a minute of an API key")
	s.number(&l.Developer.Limit, "limit-developer", "requests a minute of a developer")
	s.number(&l.User.Limit, "limit-user", "requests a minute of a user, all tokens together")
	s.number(&l.Address.Limit, "limit-address", "requests a minute without a valid credential from an address")
	s.number(&l.Login.Limit, "limit-login", "logins a minute from an address")
	s.number(&l.LoginAccount.Limit, "limit-login-account", "refused logins of an account in 15 minutes")
	s.number(&l.Refresh.Limit, "limit-refresh", "refreshes and revocations a minute from an address")
	s.number(&l.RefreshSession.Limit, "limit-refresh-session", "refreshes and revocations a minute of a session")
	s.number(&l.ExchangeApp.Limit, "limit-exchange", "token exchanges a minute of an application")
	s.number(&l.ExchangeUser.Limit, "limit-exchange-user", "token exchanges a minute for a user")
	s.number(&l.ExchangeRefused.Limit, "limit-exchange-refused", "refused token exchanges a minute from an address")
	s.number(&l.Verify.Limit, "limit-verify", "credentials a minute that a key or developer verifies")
	s.number(&l.VerifyRefused.Limit, "limit-verify-refused", "credentials a minute, of them, that were not made here")
	s.number(&l.Ingest.Limit, "limit-ingest", "uploads a minute of a user or key by the apps of the existing product, forwarded to --upstream or taken here; one more is a 503")
	s.number(&l.Public.Limit, "limit-public", "requests a minute from an address that are forwarded to --upstream without a credential; one more is a 503")
	s.number(&l.Pairing.Limit, "limit-pairing", "refused pairing codes a minute of an address")
	s.number(&l.Pairings.Limit, "limit-pairings", "refused pairing codes a minute of all addresses: a code has 40 bits")
	s.number(&l.Adoption.Limit, "limit-adoption", "credentials a minute from an address that the backend of --adopt does not know either")
	s.number(&l.Adoptions.Limit, "limit-adoptions", "questions a minute to the backend of --adopt, for all addresses; one more is a 503")
	s.duration(&c.AlertInterval, "alert-interval", "how often one of the nodes looks for what needs an alert, 100ms to 1h")
	s.duration(&c.Retention.Alerts, "alert-retention", "how long resolved alerts are kept, 24h to 876000h, or 0 for ever")
	s.duration(&c.Retention.Audit, "audit-retention", "how long the audit trail is kept, 24h to 876000h, or 0 for ever")
	s.duration(&c.Retention.Ledger, "ledger-retention", "how long the reads of a user's data are kept, 24h to 876000h, or 0 for ever")
	s.duration(&c.Retention.UsageMinutes, "usage-minute-retention", "how long requests counted by the minute are kept, 24h to 876000h, or 0 for ever")
	s.duration(&c.Retention.UsageHours, "usage-hour-retention", "how long requests counted by the hour are kept, 24h to 876000h, or 0 for ever")
	s.duration(&c.Retention.UsageDays, "usage-day-retention", "how long requests counted by the day are kept, 24h to 876000h, or 0 for ever")
	q := &a.Quotas
	s.number(&q.Users, "quota-users", "users of the installation, 1 to 1000000000")
	s.number(&q.Keys, "quota-keys", "API keys of the installation, 1 to 100000")
	s.number(&q.Applications, "quota-applications", "applications of the installation, 1 to 100000")
	s.number(&q.DeveloperSessions, "quota-developer-sessions", "sessions of a developer, 1 to 100000; one more ends the one that was idle longest")
	s.number(&q.UserSessions, "quota-user-sessions", "sessions of a user, 1 to 100000; one more ends the one that was idle longest")
	s.number(&c.Workouts.Workouts, "quota-workouts", "workouts of a user, 1 to 1000000000")
	s.number(&c.Workouts.Bytes, "quota-workout-bytes", "bytes that the workouts of a user take, 1 to 1125899906842624")
	return s
}
