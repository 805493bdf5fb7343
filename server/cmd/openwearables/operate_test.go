package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// listed returns the words of the line about an email in developer list.
func (i *installation) listed(email string) []string {
	i.t.Helper()
	for line := range strings.Lines(i.ok("", "developer", "list")) {
		if words := strings.Fields(line); len(words) > 1 && words[1] == email {
			return words
		}
	}
	return nil
}

// With and without a running server, the first request after a command is
// refused what the command ended.
func TestDeveloperCommandsActAtOnce(t *testing.T) {
	for _, running := range []bool{true, false} {
		name := map[bool]string{true: "running", false: "stopped"}[running]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walkCommands(t, running)
		})
	}
}

func walkCommands(t *testing.T, running bool) {
	i, password := installWithDeveloper(t)
	p := i.serve()
	// command runs a command and leaves the server running.
	command := func(stdin string, args ...string) {
		t.Helper()
		if !running {
			if status := p.stop(); status != 0 {
				t.Fatalf("status %d\n%s", status, &p.stderr)
			}
		}
		i.ok(stdin, append([]string{"developer"}, args...)...)
		if !running {
			p = i.serve()
		}
	}
	// dead checks that both tokens of a pair, and a token that it minted, are refused.
	dead := func(what string, tokens pair, user, minted string) {
		t.Helper()
		if a := p.call("GET", "/api/v1/users/"+user, minted, nil); a.status != 401 {
			t.Errorf("after %s a token that it minted was answered %d", what, a.status)
		}
		if a := p.call("GET", "/api/v1/auth/me", tokens.access, nil); a.status != 401 {
			t.Errorf("after %s the access token was answered %d", what, a.status)
		}
		if a := p.call("POST", "/api/v1/auth/refresh", "", map[string]string{"refresh_token": tokens.refresh}); a.status != 401 {
			t.Errorf("after %s the refresh token was answered %d", what, a.status)
		}
	}
	refused := func(password string) {
		t.Helper()
		p.want(401, "POST", "/api/v1/auth/login", "", map[string]string{"email": email, "password": password})
	}

	tokens := p.login(email, password)
	user := p.want(201, "POST", "/api/v1/users", tokens.access, map[string]any{}).str("id")
	// mint returns a token of the user that the developer mints.
	mint := func() string {
		t.Helper()
		return p.want(200, "POST", "/api/v1/users/"+user+"/token", tokens.access, nil).str("access_token")
	}
	minted := mint()
	command("", "disable", "--email", " "+strings.ToUpper(email)+" ")
	dead("disable", tokens, user, minted)
	refused(password)
	if words := i.listed(email); len(words) != 4 || words[3] != "disabled" {
		t.Errorf("listed as %q", words)
	}
	command("", "enable", "--email", email)
	tokens = p.login(email, password)
	if words := i.listed(email); len(words) != 4 || words[3] != "enabled" {
		t.Errorf("listed as %q", words)
	}

	next := passphrase()
	minted = mint()
	command(next, "set-password", "--email", email, "--password-stdin")
	dead("set-password", tokens, user, minted)
	refused(password)
	tokens = p.login(email, next)

	const second = "bob@example.com"
	command(password, "create", "--email", second, "--password-stdin")
	other := p.login(second, password)
	p.want(200, "GET", "/api/v1/auth/me", tokens.access, nil)

	minted = mint()
	p.want(200, "GET", "/api/v1/users/"+user, minted, nil)
	command("", "delete", "--email", email)
	dead("delete", tokens, user, minted)
	refused(next)
	p.want(200, "GET", "/api/v1/auth/me", other.access, nil)
	if words := i.listed(email); words != nil {
		t.Errorf("listed as %q", words)
	}
}

// A refused command says why, in the same words with and without a server.
func TestRefusedCommandsSayWhy(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	all := func(running string) {
		for _, c := range []struct{ stdin, args, says string }{
			{passphrase(), "create --email " + strings.ToUpper(email) + " --password-stdin", "Another developer has this email"},
			{"short", "create --email new@example.com --password-stdin", "password: Use at least 15 characters"},
			{passphrase(), "create --email nonsense --password-stdin", "email: "},
			{passphrase(), "create --email " + email + "\u200b --password-stdin", "email: must hold no space and no invisible character"},
			{passphrase(), "create --email dev\u00ad@example.com --password-stdin", "email: must hold no space and no invisible character"},
			{"short", "set-password --email " + email + " --password-stdin", "password: Use at least 15 characters"},
			{passphrase(), "set-password --email new@example.com --password-stdin", "Developer not found"},
			{"", "disable --email new@example.com", "Developer not found"},
			{"", "delete --email new@example.com", "Developer not found"},
		} {
			o := i.run(c.stdin, append([]string{"developer"}, strings.Fields(c.args)...)...)
			if o.status != 1 || !strings.HasPrefix(o.stderr, "openwearables: "+c.says) || o.stdout != "" {
				t.Errorf("%s: %q ended with %d: %s%s", running, c.args, o.status, o.stdout, o.stderr)
			}
			if c.stdin != "" && strings.Contains(o.stderr, c.stdin) {
				t.Errorf("%s: the password is shown: %s", running, o.stderr)
			}
		}
	}
	all("stopped")
	p := i.serve()
	all("running")
	p.login(email, password)
	o := install(t).run("", "developer", "list")
	if o.status != 1 || !strings.Contains(o.stderr, "there is no database at openwearables.db: name it with --database") {
		t.Errorf("without a database: %d %s", o.status, o.stderr)
	}
}

// Concurrent commands all reach the database.
func TestCommandsWaitForEachOther(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	var commands sync.WaitGroup
	for range 4 {
		commands.Go(func() {
			if o := i.run("", "developer", "list"); o.status != 0 || !strings.Contains(o.stdout, email) {
				t.Errorf("ended with %d: %s", o.status, o.stderr)
			}
		})
	}
	commands.Wait()
}

// keyID returns the kid of an access token.
func keyID(t *testing.T, access string) string {
	t.Helper()
	return headerOf(t, access).Kid
}

// headerOf returns the header of an access token.
func headerOf(t *testing.T, access string) (h struct{ Kid, Alg string }) {
	t.Helper()
	header, _, _ := strings.Cut(access, ".")
	data, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&h); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSigningKeyRotationRefusesNoToken(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve("--limit-developer", "1000000", "--limit-refresh", "1000000", "--limit-refresh-session", "1000000", "--jwt-alg", "ES256")
	first := p.login(email, password)
	var stop atomic.Bool
	var asked atomic.Int64
	var load sync.WaitGroup
	defer load.Wait()
	defer stop.Store(true)
	for range 4 {
		tokens := p.login(email, password)
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			defer client.CloseIdleConnections()
			for n := 0; !stop.Load(); n++ {
				for _, access := range []string{tokens.access, first.access} {
					if a, err := p.send(client, "GET", "/api/v1/auth/me", access, nil); err != nil || a.status != 200 {
						t.Errorf("a token was answered %d, %v", a.status, err)
						return
					}
				}
				asked.Add(1)
				if n%5 > 0 {
					continue
				}
				a, err := p.send(client, "POST", "/api/v1/auth/refresh", "", map[string]string{"refresh_token": tokens.refresh})
				if err != nil || a.status != 200 {
					t.Errorf("a refresh was answered %d, %v", a.status, err)
					return
				}
				tokens = pair{a.str("access_token"), a.str("refresh_token")}
			}
		})
	}
	seen := map[string]bool{keyID(t, first.access): true}
	for range 5 {
		before := asked.Load()
		i.ok("", "signing-key", "rotate")
		kid := keyID(t, p.login(email, password).access)
		if seen[kid] {
			t.Errorf("a token is signed with key %s, as one was before the rotation", kid)
		}
		seen[kid] = true
		eventually(t, "the load goes on", func() bool { return asked.Load() > before+20 })
	}
	stop.Store(true)
	load.Wait()
	p.stop()
	i.ok("", "signing-key", "rotate") // still ES256, without a flag
	p = i.serve("--jwt-alg", "EdDSA")
	p.want(200, "GET", "/api/v1/auth/me", first.access, nil)
	if kid := keyID(t, p.login(email, password).access); seen[kid] {
		t.Errorf("a token is signed with key %s, as one was before the rotation", kid)
	}
}

// A command before the first start leaves the algorithm to it; later starts keep
// it, and the command changes it, with and without a running server.
func TestAlgorithmOfTokensIsChangedByCommand(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve("--jwt-alg", "ES256")
	tokens := []string{p.login(email, password).access}
	rotate := func(algorithm string) {
		t.Helper()
		i.ok("", "signing-key", "rotate", "--jwt-alg", algorithm)
	}
	want := func(algorithm string) {
		t.Helper()
		tokens = append(tokens, p.login(email, password).access)
		for n, access := range tokens {
			p.want(200, "GET", "/api/v1/auth/me", access, nil)
			if used := headerOf(t, access).Alg; n == len(tokens)-1 && used != algorithm {
				t.Errorf("a token is signed with %s, want %s", used, algorithm)
			}
		}
	}
	want("ES256")
	p.stop()
	p = i.serve("--jwt-alg", "EdDSA")
	want("ES256")
	if !p.logs("run openwearables signing-key rotate --jwt-alg EdDSA") {
		t.Errorf("what to do is not said:\n%s", &p.stderr)
	}
	rotate("EdDSA")
	want("EdDSA")
	p.stop()
	rotate("HS256")
	p = i.serve()
	want("HS256")
	if o := i.run("", "signing-key", "rotate", "--jwt-alg", "none"); o.status != 1 || !strings.Contains(o.stderr, "HS256, ES256 or EdDSA") {
		t.Errorf("an unknown algorithm ended with %d: %s", o.status, o.stderr)
	}
}

// A signing key that is ended by the command is refused from its answer on, with
// and without a running server, and a new key signs.
func TestSigningKeyIsEndedAtOnce(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve()
	tokens := p.login(email, password)
	p.want(200, "GET", "/api/v1/auth/me", tokens.access, nil)
	kid := keyID(t, tokens.access)
	for _, unknown := range []string{"nothing", kid[1:] + "0"} {
		o := i.run("", "signing-key", "rotate", "--revoke", unknown)
		if o.status != 1 || !strings.Contains(o.stderr, "There is no signing key") || !strings.Contains(o.stderr, kid+" (active)") {
			t.Errorf("an unknown kid ended with %d: %s%s", o.status, o.stdout, o.stderr)
		}
	}
	if o := i.run("", "signing-key", "rotate", "--revoke", ""); o.status != 2 || !strings.Contains(o.stderr, "empty") {
		t.Errorf("an empty kid ended with %d: %s%s", o.status, o.stdout, o.stderr)
	}
	p.want(200, "GET", "/api/v1/auth/me", tokens.access, nil)
	if out := i.ok("", "signing-key", "rotate", "--revoke", kid); !strings.Contains(out, kid+" has ended") {
		t.Errorf("said %q", out)
	}
	p.want(401, "GET", "/api/v1/auth/me", tokens.access, nil)
	next := p.refresh(tokens.refresh, "k")
	p.want(200, "GET", "/api/v1/auth/me", next.str("access_token"), nil)
	second := keyID(t, next.str("access_token"))
	p.stop()
	i.ok("", "signing-key", "rotate", "--revoke", second)
	p = i.serve()
	p.want(401, "GET", "/api/v1/auth/me", next.str("access_token"), nil)
	if third := keyID(t, p.login(email, password).access); third == kid || third == second {
		t.Errorf("an ended key signs: %s", third)
	}
}

// Editors and shells may begin a text with a byte order mark, which nobody types.
func TestPasswordOnStandardInputIsText(t *testing.T) {
	t.Parallel()
	i, password := install(t), passphrase()
	i.ok("\uFEFF"+password+"\r\n", "developer", "create", "--email", email, "--password-stdin")
	p := i.serve()
	if a := p.call("POST", "/api/v1/auth/login", "", map[string]string{"email": email, "password": password}); a.status != 200 {
		t.Errorf("the login is answered %d %v", a.status, a.body)
	}
	wide := "\xff\xfe"
	for _, c := range password {
		wide += string(c) + "\x00"
	}
	o := i.run(wide, "developer", "set-password", "--email", email, "--password-stdin")
	if o.status == 0 || !strings.Contains(o.stderr, "UTF-16: give it as UTF-8") || strings.Contains(o.stderr, password) {
		t.Errorf("UTF-16 ended with %d: %s", o.status, o.stderr)
	}
}
