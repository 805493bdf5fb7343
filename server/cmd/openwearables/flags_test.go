package main_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	product "github.com/openwearables/openwearables/server"
)

// flagsOfServe lists every setting.
var flagsOfServe = strings.Fields(`access-token-ttl addr adopt alert-interval alert-retention allow-keys-in-browsers allowed-headers allowed-origins audit-retention client-address dashboard
	database database-file dev drain-delay empty ext-authz-addr first-request-timeout forward-auth-policy idle-timeout insecure-http jwt-alg
	ledger-retention limit-address limit-adoption limit-adoptions limit-developer limit-exchange limit-exchange-refused limit-exchange-user limit-ingest limit-key limit-login
	limit-login-account limit-pairing limit-pairings limit-public limit-refresh limit-refresh-session limit-user limit-verify limit-verify-refused
	log-level max-address-connections max-connections metrics-addr password-min public-url quota-applications quota-developer-sessions quota-keys
	quota-user-sessions quota-users quota-workout-bytes quota-workouts read-timeout redis redis-file reflection refresh-absolute refresh-idle
	repeat-lost-refreshes secret-file tls-cert tls-key trusted-proxies upload-memory uploads-per-caller upstream upstream-allow upstream-developer-file
	upstream-key-file upstream-streams usage-day-retention usage-hour-retention usage-minute-retention webhook-allow-private-networks`)

func variable(flag string) string {
	return "OPENWEARABLES_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func TestHelpIsTheReference(t *testing.T) {
	i := install(t)
	help := i.ok("", "serve", "--help")
	var shown []string
	for line := range strings.Lines(help) {
		if rest, ok := strings.CutPrefix(line, "  --"); ok {
			shown = append(shown, strings.Fields(rest)[0])
		}
	}
	shown = slices.DeleteFunc(shown, func(flag string) bool { return flag == "check" }) // an act, and no setting
	if !slices.Equal(shown, flagsOfServe) {
		t.Errorf("shown are %q", shown)
	}
	for _, flag := range flagsOfServe {
		if !strings.Contains(help, "variable "+variable(flag)+"\n") {
			t.Errorf("the variable of --%s is not shown", flag)
		}
	}
	for _, said := range []string{
		"A flag wins over its variable", "The master secret, at least 32 bytes, is given\nas OPENWEARABLES_SECRET",
		"OPENWEARABLES_API_KEY OPENWEARABLES_APP_ID OPENWEARABLES_APP_SECRET OPENWEARABLES_BASE_URL",
		"(default 127.0.0.1:8000)", "(default sqlite:openwearables.db)", "(default 1h0m0s)", "(default 1000)", "HS256 by default",
	} {
		if !strings.Contains(help, said) {
			t.Errorf("%q is not said", said)
		}
	}
	all := i.ok("", "--help")
	for _, command := range []string{"create", "list", "set-password", "disable", "enable", "delete"} {
		if !strings.Contains(all, "openwearables developer "+command+" ") {
			t.Errorf("developer %s is not in:\n%s", command, all)
		}
		if own := i.ok("", "developer", command, "-h"); !strings.Contains(own, "--database") {
			t.Errorf("developer %s --help: %s", command, own)
		}
	}
	if entries, err := os.ReadDir(i.folder); err != nil || len(entries) != 0 {
		t.Errorf("help left %v, %v", entries, err)
	}
}

func TestVersionIsOneLine(t *testing.T) {
	i := install(t)
	if v := i.ok("", "version"); v != "openwearables "+product.Version+"-dev\n" { // built without git
		t.Errorf("version is %q", v)
	}
}

// A refused start says what to change, and changes nothing itself.
func TestRefusedSettingsSayWhatToChange(t *testing.T) {
	t.Parallel()
	short, guessable := strings.Repeat("k", 31), "change-me-in-production-please-my-secret-key"
	for _, c := range []struct {
		name string
		env  string
		args string
		says []string
	}{
		{"unknown command", "", "server", []string{`no command "server"`, "openwearables --help"}},
		{"no command", "", "", []string{"openwearables serve", "say which command"}},
		{"unknown flag", "", "serve --adr x", []string{"-adr", "openwearables serve --help"}},
		{"argument", "", "serve now", []string{`"now"`, "openwearables serve --help"}},
		{"unknown variable", "OPENWEARABLES_ADRR=x", "serve", []string{"OPENWEARABLES_ADRR", "unset it", "--help"}},
		{"unknown variable of a command", "OPENWEARABLES_ADRR=x", "developer list", []string{"OPENWEARABLES_ADRR", "unset it"}},
		{"port as variable", "OPENWEARABLES_PORT=8000", "serve", []string{"OPENWEARABLES_PORT", "unset it", "--help"}},
		{"lower case variable", "OPENWEARABLES_addr=127.0.0.1:0", "serve", []string{"OPENWEARABLES_addr", "unset it"}},
		{"bad variable", "OPENWEARABLES_REFRESH_IDLE=30", "serve", []string{`OPENWEARABLES_REFRESH_IDLE="30"`, "must be a duration such as"}},
		{"short secret", "OPENWEARABLES_SECRET=" + short, "serve", []string{"OPENWEARABLES_SECRET", "31 bytes", "at least 32", "openssl rand"}},
		{"guessable secret", "OPENWEARABLES_SECRET=" + guessable, "serve", []string{"OPENWEARABLES_SECRET", "random bytes"}},
		{"repeated secret", "OPENWEARABLES_SECRET=" + strings.Repeat("abcdefgh", 5), "serve", []string{"OPENWEARABLES_SECRET", "repeated"}},
		{"empty secret", "OPENWEARABLES_SECRET=", "serve", []string{"OPENWEARABLES_SECRET is empty", "32 random bytes"}},
		{"secret as flag", "", "serve --secret x", []string{"-secret", "--help"}},
		{"address", "", "serve --addr 8000", []string{"--addr", "HOST:PORT"}},
		{"metrics address", "", "serve --metrics-addr 9000", []string{"--metrics-addr", "HOST:PORT"}},
		{"plain HTTP beyond this machine", "", "serve --addr 0.0.0.0:0", []string{"--tls-cert", "--trusted-proxies", "--insecure-http"}},
		{"plain HTTP on every address", "", "serve --addr :0", []string{"--tls-cert", "--trusted-proxies", "--insecure-http"}},
		{"plain HTTP on a name", "", "serve --addr example.com:0", []string{"--insecure-http"}},
		{"half of TLS", "", "serve --tls-cert c.pem", []string{"--tls-cert and --tls-key"}},
		{"TLS files", "", "serve --tls-cert c.pem --tls-key k.pem", []string{"--tls-cert and --tls-key", "c.pem"}},
		{"origin", "", "serve --allowed-origins https://a.example/login", []string{"--allowed-origins", "https://app.example.com"}},
		{"any origin", "", "serve --allowed-origins *", []string{"--allowed-origins", "https://app.example.com"}},
		{"any header", "", "serve --allowed-headers X-Tenant,*", []string{"--allowed-headers", "X-Tenant"}},
		{"proxy", "", "serve --trusted-proxies gateway", []string{"-trusted-proxies", "10.0.0.0/8"}},
		{"client address", "", "serve --trusted-proxies 10.0.0.1 --client-address x-real-ip", []string{"--client-address", "x-forwarded-for, forwarded or proxy-protocol"}},
		{"client address without proxies", "", "serve --client-address forwarded", []string{"--client-address forwarded needs --trusted-proxies"}},
		{"algorithm", "", "serve --jwt-alg none", []string{"--jwt-alg", "HS256, ES256 or EdDSA"}},
		{"log level", "", "serve --log-level loud", []string{"--log-level", "debug, info, warn or error"}},
		{"lifetime", "", "serve --access-token-ttl 60", []string{"-access-token-ttl", "must be a duration such as"}},
		{"long lifetime", "", "serve --access-token-ttl 25h", []string{"--access-token-ttl", "1m to 24h"}},
		{"idle", "", "serve --refresh-idle 1m", []string{"--refresh-idle", "--access-token-ttl"}},
		{"absolute", "", "serve --refresh-absolute 2h", []string{"--refresh-absolute", "--refresh-idle"}},
		{"password", "", "serve --password-min 7", []string{"--password-min", "8 to 64"}},
		{"no number", "", "serve --limit-key many", []string{"-limit-key", "must be a whole number"}},
		{"limit", "", "serve --limit-exchange-user 0", []string{"--limit-exchange-user", "1 to 1000000000"}},
		{"retention", "", "serve --audit-retention 1h", []string{"--audit-retention", "24h to 876000h"}},
		{"alerts", "", "serve --alert-retention 1h", []string{"--alert-retention", "24h to 876000h"}},
		{"interval", "", "serve --alert-interval 2h", []string{"--alert-interval", "100ms to 1h"}},
		{"usage", "", "serve --usage-minute-retention 1h", []string{"--usage-minute-retention", "24h to 876000h"}},
		{"quota", "", "serve --quota-user-sessions 0", []string{"--quota-user-sessions", "1 to 100000"}},
		{"switch", "", "serve --dev=perhaps", []string{"-dev", "must be true or false"}},
		{"engine", "", "serve --database mysql://x", []string{"--database", "sqlite:PATH"}},
		{"email", "", "developer disable", []string{"--email"}},
		{"no terminal", "", "developer create --email a@example.com", []string{"--password-stdin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := install(t)
			if c.env != "" {
				i.env = append(i.env, c.env)
			}
			o := i.run("", strings.Fields(c.args)...)
			if o.status != 1 && o.status != 2 || o.stdout != "" {
				t.Fatalf("ended with %d: %s%s", o.status, o.stdout, o.stderr)
			}
			for _, said := range c.says {
				if !strings.Contains(o.stderr, said) {
					t.Errorf("%q is not said in %q", said, o.stderr)
				}
			}
			if _, secret, _ := strings.Cut(c.env, "_SECRET="); secret != "" && strings.Contains(o.stderr, secret) {
				t.Errorf("the secret is shown: %q", o.stderr)
			}
			if _, err := os.Stat(i.path("openwearables.db.secret")); err == nil {
				t.Error("a secret was made")
			}
		})
	}
}

func TestFlagsWinOverVariables(t *testing.T) {
	t.Parallel()
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	i := install(t)
	i.env = append(
		i.env, "OPENWEARABLES_API_KEY=ours", "OPENWEARABLES_APP_ID=ours", "OPENWEARABLES_APP_SECRET=ours", "OPENWEARABLES_BASE_URL=ours",
		"OPENWEARABLESX=theirs", "OPENWEARABLES_LIMIT_KEY=7", "OPENWEARABLES_LIMIT_ADDRESS=8", "OPENWEARABLES_ADDR=192.0.2.1:1",
		"OPENWEARABLES_DATABASE=sqlite:other.db", "OPENWEARABLES_SECRET="+base64.StdEncoding.EncodeToString(random),
	)
	p := i.serve("--limit-address", "9")
	if limit := p.call("GET", "/livez", "", nil).header.Get("X-RateLimit-Limit"); limit != "9" {
		t.Errorf("the flag says 9, the variable 8, in force is %s", limit)
	}
	if _, err := os.Stat(i.path("other.db")); err != nil {
		t.Errorf("the variable does not count: %v", err)
	}
	if _, err := os.Stat(i.path("other.db.secret")); err == nil {
		t.Error("a secret was made though there is one")
	}
	for _, allowed := range []string{"--insecure-http", "--trusted-proxies=10.0.0.0/8"} {
		p := install(t).serve("--addr", "0.0.0.0:0", allowed)
		p.stop()
	}
}

// Kubernetes describes each service to each container. A service named
// openwearables, or openwearables-something, must not stop any command.
func TestVariablesOfServicesAreIgnored(t *testing.T) {
	t.Parallel()
	i := install(t)
	for _, service := range []string{"OPENWEARABLES", "OPENWEARABLES_API", "OPENWEARABLES_LIMIT_KEY"} {
		i.env = append(
			i.env, service+"_SERVICE_HOST=10.96.7.1", service+"_SERVICE_PORT=8000", service+"_SERVICE_PORT_HTTP=8000",
			service+"_PORT=tcp://10.96.7.1:8000", service+"_PORT_8000_TCP=tcp://10.96.7.1:8000", service+"_PORT_8000_TCP_PROTO=tcp",
			service+"_PORT_8000_TCP_PORT=8000", service+"_PORT_8000_TCP_ADDR=10.96.7.1", service+"_PORT_53_UDP=udp://10.96.7.1:53",
		)
	}
	for _, args := range [][]string{{"migrate"}, {"developer", "list"}, {"signing-key", "rotate"}, {"backup", "--to", i.path("copy.db")}} {
		i.ok("", args...)
	}
	i.serve().stop()
	if out := i.ok("", "doctor"); strings.Contains(out, "wrong") {
		t.Errorf("doctor says %s", out)
	}
}

// Another secret than that of the database would invalidate every credential.
func TestForeignSecretIsRefused(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	if err := os.Rename(i.path("openwearables.db.secret"), i.path("kept")); err != nil {
		t.Fatal(err)
	}
	wrong := func(what string) {
		t.Helper()
		o := i.run("", "serve", "--addr", "127.0.0.1:0")
		if o.status != 1 || !strings.Contains(o.stderr, "not the secret that this database was made with") || !strings.Contains(o.stderr, "restore that secret") {
			t.Errorf("%s: ended with %d: %s", what, o.status, o.stderr)
		}
	}
	wrong("the file is gone")
	kept, err := os.ReadFile(i.path("kept"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(kept)
	i.env = append(i.env, "OPENWEARABLES_SECRET="+string(kept))
	wrong("another one is given")
	slices.Reverse(kept)
	i.env[len(i.env)-1] = "OPENWEARABLES_SECRET=" + string(kept)
	i.serve().stop()
}

func TestReadableSecretFileIsRefused(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	if err := os.Chmod(i.path("openwearables.db.secret"), 0o640); err != nil {
		t.Fatal(err)
	}
	o := i.run("", "serve", "--addr", "127.0.0.1:0")
	if o.status != 1 || !strings.Contains(o.stderr, "chmod 600") {
		t.Errorf("ended with %d: %s", o.status, o.stderr)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	db, err := sql.Open("sqlite", "file:"+i.path("openwearables.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO migrations (name, applied_at) VALUES ('9999_from_the_future', 0)")
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--addr", "127.0.0.1:0"}, {"migrate"}, {"developer", "list"}} {
		o := i.run("", args...)
		if o.status != 1 || !strings.Contains(o.stderr, "newer version of openwearables (9999_from_the_future)") || !strings.Contains(o.stderr, "restore a backup") {
			t.Errorf("%q ended with %d: %s", args, o.status, o.stderr)
		}
	}
}

func TestMigrateIsIdempotent(t *testing.T) {
	t.Parallel()
	i := install(t)
	if out := i.ok("", "migrate"); !strings.HasPrefix(out, "applied: 2026") {
		t.Errorf("the first said %q", out)
	}
	if out := i.ok("", "migrate"); out != "the database is up to date\n" {
		t.Errorf("the second said %q", out)
	}
	i.serve().stop()
}
