package main_test

import (
	"os"
	"strings"
	"testing"
)

// setting is a combination of flags that cannot work, or that is probably a
// mistake, and what is said of it. The flags are of the form NAME=VALUE.
type setting struct {
	name  string
	flags string
	says  string // names what is wrong and what to change
}

// refusedSettings stop a start.
var refusedSettings = []setting{
	{"every proxy", "trusted-proxies=0.0.0.0/0", "--trusted-proxies 0.0.0.0/0 would let callers choose their address: name only the proxies before this server"},
	{"every IPv6 proxy", "trusted-proxies=::/0", "--trusted-proxies ::/0 would let callers choose their address: name only the proxies"},
	{"every proxy, on loopback", "trusted-proxies=0.0.0.0/0 addr=127.0.0.1:0", "--trusted-proxies 0.0.0.0/0 would let callers choose their address: name only the proxies"},
	{"half of the proxies", "trusted-proxies=10.0.0.1,128.0.0.0/1", "--trusted-proxies 128.0.0.0/1 would let callers choose their address: name only the proxies"},
	{"a very wide network", "trusted-proxies=10.0.0.0/7", "--trusted-proxies 10.0.0.0/7 would let callers choose their address: name only the proxies"},
	{"all of global IPv6", "trusted-proxies=2000::/3", "--trusted-proxies 2000::/3 would let callers choose their address: name only the proxies"},
	{"more than IPv4 in IPv6", "trusted-proxies=::ffff:0.0.0.0/90", "never matches: write it as an IPv4 network such as 10.0.0.0/8"},
	{"all of IPv4 in IPv6", "trusted-proxies=::ffff:0.0.0.0/96", "--trusted-proxies 0.0.0.0/0 would let callers choose their address"},
	{"an access token outlives its session", "access-token-ttl=2h refresh-idle=1h", "--refresh-idle must be at least --access-token-ttl"},
	{"idle longer than absolute", "refresh-idle=48h refresh-absolute=24h", "--refresh-absolute must be at least --refresh-idle"},
	{"no lifetime", "access-token-ttl=0s", "--access-token-ttl must be 1m to 24h"},
	{"a negative lifetime", "access-token-ttl=-1h", "--access-token-ttl must be 1m to 24h"},
	{"fractions of a second", "access-token-ttl=90500ms", "--access-token-ttl must be 1m to 24h in whole seconds"},
	{"a negative idle time", "refresh-idle=-1h", "--refresh-idle must be at least --access-token-ttl"},
	{"a session for ever", "refresh-absolute=87601h", "--refresh-absolute must be at least --refresh-idle, and at most ten years"},
	{"a negative drain delay", "drain-delay=-1s", "--drain-delay must be 0s to 1m"},
	{"an endless drain delay", "drain-delay=61s", "--drain-delay must be 0s to 1m"},
	{"no requests", "limit-key=0", "--limit-key must be 1 to 1000000000"},
	{"a negative limit", "limit-login-account=-1", "--limit-login-account must be 1 to 1000000000"},
	{"a limit above all", "limit-address=1000000001", "--limit-address must be 1 to 1000000000"},
	{"a limit beyond a number", "limit-user=99999999999999999999", "must be a whole number"},
	{"no connections", "max-connections=0", "--max-connections must be 1 to 1000000"},
	{"connections beyond any machine", "max-connections=1000001", "--max-connections must be 1 to 1000000"},
	{"no connections of an address", "max-address-connections=0", "--max-address-connections must be 1 to --max-connections"},
	{"more connections of an address than of all", "max-connections=999", "--max-address-connections must be 1 to --max-connections"},
	{"no time for a request", "first-request-timeout=999ms", "--first-request-timeout must be 1s to 1m"},
	{"a long time for a request", "first-request-timeout=61s", "--first-request-timeout must be 1s to 1m"},
	{"no time to read", "read-timeout=999ms", "--read-timeout must be 1s to 10m"},
	{"a long time to read", "read-timeout=601s", "--read-timeout must be 1s to 10m"},
	{"no idle time", "idle-timeout=999ms", "--idle-timeout must be 1s to 24h"},
	{"a long idle time", "idle-timeout=25h", "--idle-timeout must be 1s to 24h"},
	{"any origin", "allowed-origins=*", `--allowed-origins "*" must be origins such as https://app.example.com`},
	{"the opaque origin", "allowed-origins=null", `--allowed-origins "null" must be origins such as https://app.example.com`},
	{"a pattern of origins", "allowed-origins=https://a.example,*.example", `--allowed-origins "*.example" must be origins such as`},
	{"every subdomain", "allowed-origins=https://*.example.com", "patterns are not taken, so name each origin"},
	{"a page", "allowed-origins=https://app.example.com/login", `--allowed-origins "https://app.example.com/login" must be origins such as`},
	{"one address twice", "addr=127.0.0.1:8000 metrics-addr=127.0.0.1:8000", "--metrics-addr 127.0.0.1:8000 is the address of --addr: give the metrics a port of their own"},
	{"one address by two names", "addr=127.0.0.1:8000 metrics-addr=localhost:8000", "--metrics-addr localhost:8000 is the address of --addr"},
	{"one port of every address", "addr=127.0.0.1:8000 metrics-addr=:8000", "--metrics-addr :8000 is the address of --addr"},
	{"one port of every IPv6 address", "addr=127.0.0.1:8000 metrics-addr=[::]:8000", "--metrics-addr [::]:8000 is the address of --addr"},
	{"one address for proxies and callers", "addr=127.0.0.1:8000 ext-authz-addr=127.0.0.1:8000", "--ext-authz-addr 127.0.0.1:8000 is the address of --addr: give the proxies a port of their own"},
	{"one address for proxies and metrics", "metrics-addr=:9090 ext-authz-addr=127.0.0.1:9090", "--ext-authz-addr 127.0.0.1:9090 is the address of --metrics-addr"},
	{"no policy for Envoy", "ext-authz-addr=127.0.0.1:8001", "--ext-authz-addr needs --forward-auth-policy, which says who may call what"},
	{"no such policy", "forward-auth-policy=none.yaml trusted-proxies=10.0.0.1", "--forward-auth-policy none.yaml: stat none.yaml: no such file"},
	{"a policy with a fault", "forward-auth-policy=wrong.yaml trusted-proxies=10.0.0.1", `--forward-auth-policy wrong.yaml: line 5: there is no member "scop"`},
	{"a policy that nobody may ask for", "forward-auth-policy=policy.yaml", "--forward-auth-policy policy.yaml: nobody may ask: name the proxies in --trusted-proxies, or give the policy a secret_file"},
	{"proxies that cannot be told from callers", "forward-auth-policy=policy.yaml trusted-proxies=10.0.0.1 client-address=proxy-protocol", "which it needs with --client-address proxy-protocol"},
	{"a policy that everybody changes", "forward-auth-policy=open.yaml trusted-proxies=10.0.0.1", "open.yaml can be changed by everybody"},
	{"no secret of the proxies", "forward-auth-policy=secret.yaml", "--forward-auth-policy secret.yaml: secret_file: "},
	{"a short secret of the proxies", "forward-auth-policy=short.yaml", "must hold at least 32 characters, such as openssl rand -hex 32 prints"},
	{"a URL without TLS", "public-url=http://auth.example.com", "--public-url http://auth.example.com must begin with https://"},
	{"a URL with a slash at its end", "public-url=https://auth.example.com/", `--public-url "https://auth.example.com/" must be a URL such as https://auth.example.com`},
	{"a URL in upper case", "public-url=https://Auth.example.com", `--public-url "https://Auth.example.com" must be a URL such as`},
	{"a URL with the usual port", "public-url=https://auth.example.com:443", "without the usual port"},
	{"a URL with a query", "public-url=https://auth.example.com/a?b", "must be a URL such as https://auth.example.com or"},
	{"a URL with a user", "public-url=https://u@auth.example.com", "must be a URL such as https://auth.example.com or"},
	{"a URL with a pattern", "public-url=https://auth.example.com/{a}", "must be a URL such as https://auth.example.com or"},
	{"a URL of another kind", "public-url=capacitor://localhost", "must begin with https://"},
	{"no URL", "public-url=auth.example.com", `--public-url "auth.example.com" must be a URL such as`},
	{"no port", "addr=127.0.0.1:", `--addr "127.0.0.1:" must be HOST:PORT, with a port of 0 to 65535`},
	{"a port beyond the last", "addr=127.0.0.1:65536", `--addr "127.0.0.1:65536" must be HOST:PORT, with a port of 0 to 65535`},
	{"a port of metrics beyond the last", "metrics-addr=127.0.0.1:65536", `--metrics-addr "127.0.0.1:65536" must be HOST:PORT, with a port of 0 to 65535`},
	{"a certificate without key", "tls-cert=cert.pem", "--tls-cert and --tls-key go together"},
	{"a key without certificate", "tls-key=key.pem", "--tls-cert and --tls-key go together"},
	{"no such key", "tls-cert=cert.pem tls-key=none.pem", "--tls-cert and --tls-key: stat none.pem: no such file"},
	{"no key in it", "tls-cert=cert.pem tls-key=cert.pem", "--tls-cert cert.pem and --tls-key cert.pem: "},
	{"a folder as key", "tls-cert=cert.pem tls-key=.", "--tls-cert and --tls-key: . is not a regular file"},
	{"a key that everybody changes", "tls-cert=cert.pem tls-key=open.pem", "open.pem can be changed by everybody: run chmod 640 open.pem"},
	{"an unknown level", "log-level=trace", `--log-level "trace" must be debug, info, warn or error`},
	{"a level between", "log-level=info-4", `--log-level "info-4" must be debug, info, warn or error`},
	{"an unknown algorithm", "jwt-alg=RS256", `--jwt-alg "RS256" must be HS256, ES256 or EdDSA`},
	{"an algorithm in lower case", "jwt-alg=es256", `--jwt-alg "es256" must be HS256, ES256 or EdDSA`},
	{"no room for one body", "upload-memory=7", "--upload-memory must be 8, which is one body, to 1048576"},
	{"more memory than there is", "upload-memory=1048577", "--upload-memory must be 8"},
	{"no uploads", "uploads-per-caller=0", "--uploads-per-caller must be 1 to 10000"},
	{"a short password", "password-min=7", "--password-min must be 8 to 64"},
	{"a password that nobody types", "password-min=65", "--password-min must be 8 to 64"},
}

// riskySettings are warned of.
var riskySettings = []setting{
	{"a wide IPv6 network of proxies", "trusted-proxies=2600::/12", "--trusted-proxies 2600::/12 is very wide, and a caller in it chooses its address: name only the proxies before this server"},
	{"a limit that is none", "limit-login-account=1001", "--limit-login-account 1001: more than 100 times the default hardly limits anybody: lower it"},
	{"two limits that are none", "limit-login=1000000 limit-key=1000000000", "--limit-key 1000000000, --limit-login 1000000: more than 100 times"},
	{"a long drain delay", "drain-delay=11s", "--drain-delay 11s: a stop takes up to 20s, and many supervisors kill after 10s or 30s: raise their limit (stop_grace_period, terminationGracePeriodSeconds, TimeoutStopSec)"},
	{"a plain origin", "allowed-origins=http://app.example.com:8080", "--allowed-origins http://app.example.com:8080: anybody on the way can change a page without TLS and act as its user: serve it as https://app.example.com:8080"},
	{"metrics on every address", "metrics-addr=:9090", "--metrics-addr :9090 serves /metrics to everybody who reaches it, without TLS: give a loopback or private address"},
	{"metrics on a public address", "metrics-addr=203.0.113.1:9090", "--metrics-addr 203.0.113.1:9090 serves /metrics to everybody who reaches it"},
	{"proxies on every address", "ext-authz-addr=:9091 forward-auth-policy=policy.yaml trusted-proxies=10.0.0.1", "--ext-authz-addr :9091 is reached by everybody, without TLS: give a loopback or private address"},
	{"plain HTTP beside TLS", "insecure-http=true tls-cert=cert.pem tls-key=key.pem", "--insecure-http does nothing beside --tls-cert: leave it out"},
	{"keys in pages", "allow-keys-in-browsers=true", "--allow-keys-in-browsers: whoever opens a page that holds a key can read it, and with it everybody's data: give pages user tokens"},
	{"development beyond this machine", "dev=true insecure-http=true addr=0.0.0.0:0", "--dev lets pages of localhost call this server, and --addr 0.0.0.0:0 is not for this machine alone: leave --dev out"},
	{"a key that everybody reads", "tls-cert=cert.pem tls-key=shown.pem", "--tls-key: shown.pem can be read by everybody: run chmod 640 shown.pem"},
	{"a key that its group changes", "tls-cert=cert.pem tls-key=shared.pem", "--tls-key: shared.pem can be changed by its group: run chmod 640 shared.pem"},
}

// usualSettings are neither refused nor warned of.
var usualSettings = []setting{
	{"defaults", "", ""},
	{"private proxies", "trusted-proxies=10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,fd00::/8,2600:1f00::/24,203.0.113.7", ""},
	{"IPv4 proxies in IPv6", "trusted-proxies=::ffff:10.0.0.0/104,10.1.2.3/8", ""},
	{"origins in other forms", "allowed-origins=https://App.Example/,https://app.example:443,https://m\u00fcnchen.example,capacitor://localhost", ""},
	{"high limits", "limit-login-account=1000 limit-key=100000", ""},
	{"few connections", "max-connections=10 max-address-connections=10 first-request-timeout=1s", ""},
	{"short times", "read-timeout=1s idle-timeout=1s", ""},
	{"long times", "read-timeout=10m idle-timeout=24h", ""},
	{"many connections", "max-connections=1000000 max-address-connections=1000000 first-request-timeout=1m", ""},
	{"a drain delay", "drain-delay=10s", ""},
	{"plain origins of this machine", "allowed-origins=http://localhost:5173,http://127.0.0.1,http://[::1]:3000,https://app.example.com", ""},
	{"metrics of a private network", "metrics-addr=10.0.0.5:9090", ""},
	{"metrics of a free port", "addr=127.0.0.1:0 metrics-addr=127.0.0.1:0", ""},
	{"metrics of another address", "addr=127.0.0.1:8000 metrics-addr=127.0.0.2:8000", ""},
	{"a policy for proxies", "forward-auth-policy=policy.yaml trusted-proxies=10.0.0.1 ext-authz-addr=127.0.0.1:0", ""},
	{"a URL", "public-url=https://auth.example.com", ""},
	{"a URL with a port and a path", "public-url=https://auth.example.com:8443/wearables/v1", ""},
	{"a URL of this machine", "public-url=http://127.0.0.1:8000", ""},
	{"TLS", "tls-cert=cert.pem tls-key=key.pem addr=0.0.0.0:8443", ""},
	{"a level in upper case", "log-level=WARN", ""},
}

// each runs f in installations with the settings, as flags and as variables.
func (s setting) each(t *testing.T, f func(t *testing.T, i *installation, args []string)) {
	t.Helper()
	var args, env []string
	for given := range strings.FieldsSeq(s.flags) {
		name, value, _ := strings.Cut(given, "=")
		args = append(args, "--"+given)
		env = append(env, variable(name)+"="+value)
	}
	t.Run(s.name+", as flags", func(t *testing.T) {
		t.Parallel()
		f(t, s.install(t), args)
	})
	t.Run(s.name+", as variables", func(t *testing.T) {
		t.Parallel()
		i := s.install(t)
		i.env = append(i.env, env...)
		f(t, i, nil)
	})
}

// install returns an installation with a certificate and keys of several modes.
func (s setting) install(t *testing.T) *installation {
	t.Helper()
	i := install(t)
	const rule = "rules:\n  - methods: [GET]\n    path: /a\n    allow: [key]\n"
	for name, text := range map[string]string{
		"policy": rule, "open": rule, "wrong": rule + "    scop: users:read\n", "secret": "secret_file: none\n" + rule, "short": "secret_file: policy.yaml.short\n" + rule,
	} {
		i.put(name+".yaml", text, 0o600)
	}
	i.put("policy.yaml.short", "too short", 0o600)
	if err := os.Chmod(i.path("open.yaml"), 0o666); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.flags, "tls-") {
		return i
	}
	i.certify()
	key, err := os.ReadFile(i.path("key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"open.pem": 0o666, "shown.pem": 0o644, "shared.pem": 0o660} {
		if err := os.WriteFile(i.path(name), key, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(i.path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range refusedSettings {
		s.each(t, func(t *testing.T, i *installation, args []string) {
			for _, command := range []string{"serve", "doctor"} {
				o := i.run("", append([]string{command}, args...)...)
				if o.status == 0 || !strings.Contains(o.stdout+o.stderr, s.says) {
					t.Errorf("%s ended with %d: %s%s, want %q", command, o.status, o.stdout, o.stderr, s.says)
				}
			}
			if _, err := os.Stat(i.path("openwearables.db")); err == nil {
				t.Error("a database was made")
			}
		})
	}
}

func TestSettingsThatOpenTheDoorAreWarnedOf(t *testing.T) {
	t.Parallel()
	for _, s := range riskySettings {
		s.each(t, func(t *testing.T, i *installation, args []string) {
			if out := i.ok("", append([]string{"doctor"}, args...)...); !strings.Contains(out, "warn   configuration: "+s.says) {
				t.Errorf("doctor says %s, want %q", out, s.says)
			}
		})
	}
	i := install(t)
	p := i.serve("--limit-key", "1000000000", "--drain-delay", "11s")
	for _, said := range []string{"--limit-key 1000000000: more than 100 times", "--drain-delay 11s: a stop takes up to 20s"} {
		shown := p.logs(said)
		if log := p.stderr.String(); !shown || strings.Count(log, said) != 1 || !strings.Contains(log, `"level":"WARN"`) {
			t.Errorf("a start does not say %q once: %s", said, log)
		}
	}
}

func TestUsualSettingsAreNotWarnedOf(t *testing.T) {
	t.Parallel()
	for _, s := range usualSettings {
		s.each(t, func(t *testing.T, i *installation, args []string) {
			if out := i.ok("", append([]string{"doctor"}, args...)...); strings.Contains(out, "warn") || strings.Contains(out, "wrong") {
				t.Errorf("doctor says %s", out)
			}
		})
	}
}

func TestHelpNamesTheLimitsOfValues(t *testing.T) {
	t.Parallel()
	help := install(t).ok("", "serve", "--help")
	for _, said := range []string{
		"port 0 to 65535", "* is refused", "none wider than /8", "0s to 1m", "a port other than that of --addr", "1m to 24h",
		"from --access-token-ttl to --refresh-absolute", "from --refresh-idle to 87600h", "debug, info, warn or error",
		"for which that is empty", "8 to 64", "A limit is 1 to 1000000000",
	} {
		if !strings.Contains(help, said) {
			t.Errorf("%q is not said", said)
		}
	}
}
