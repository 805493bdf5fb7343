package scenario_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

var jwtForm = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)

// secretRecorder is a transport that records every secret in requests and answers.
type secretRecorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen map[string]string // kind by secret
}

func (w *secretRecorder) note(what, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[secret] = what
}

// scan records every text that has the form of a secret.
func (w *secretRecorder) scan(b []byte) {
	for _, s := range secretForm.FindAll(b, -1) {
		w.note(string(s[:bytes.IndexByte(s, '_')]), string(s))
	}
	for _, s := range jwtForm.FindAll(b, -1) {
		w.note("jwt", string(s))
	}
}

func (w *secretRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		w.scan(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	for _, values := range r.Header {
		w.scan([]byte(strings.Join(values, " ")))
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		w.note("idempotency", key)
	}
	res, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	w.scan(body)
	w.scan([]byte(res.Header.Get("Set-Cookie")))
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, res.Body.Close()
}

// useInvitation lets somebody join with the password.
func useInvitation(t *testing.T, d driver, w *secretRecorder, admin option, password string, retry func() option) {
	t.Helper()
	made := d.call(t, "CreateInvitation", args{"email": someEmail()}, admin, retry()).want(t, 201, "")
	w.note("token of an invitation", made.str("token"))
	again := d.call(t, "ResendInvitation", args{"id": made.str("id")}, admin, retry()).want(t, 200, "")
	w.note("token of an invitation", again.str("token"))
	d.call(t, "ListInvitations", nil, admin).want(t, 200, "")
	in := withMembers(acceptance(made.str("token")), args{"password": password})
	d.call(t, "AcceptInvitation", in, retry()).want(t, 404, "not_found")
	in["token"] = again.str("token")
	d.call(t, "AcceptInvitation", in, retry()).want(t, 201, "")
	d.call(t, "AcceptInvitation", in, retry()).want(t, 400, "invitation_accepted")
}

// usePairing pairs a phone of a new user.
func usePairing(t *testing.T, d driver, w *secretRecorder, admin option, retry func() option) {
	t.Helper()
	user := d.call(t, "CreateUser", args{}, admin).want(t, 201, "").str("id")
	made := d.call(t, "CreatePairingCode", args{"user_id": user}, admin, retry()).want(t, 201, "")
	w.note("pairing code", made.str("code"))
	pair := d.call(t, "RedeemPairingCode", args{"code": made.str("code")}, retry()).want(t, 200, "")
	w.note("access token", pair.str("access_token"))
	w.note("refresh token", pair.str("refresh_token"))
	d.call(t, "RedeemPairingCode", args{"code": made.str("code")}).want(t, 404, "not_found")
}

// useEverySecret calls every operation that handles a secret, with valid and with wrong ones.
func useEverySecret(t *testing.T, n *node, d driver, w *secretRecorder) {
	t.Helper()
	password := func() string {
		p := passphrase()
		w.note("password", p)
		return p
	}
	retry := func() option { return idempotent("retry-" + rand.Text()) }
	email, mine := strings.ToLower(rand.Text())+"@example.com", password()
	n.addDeveloper(email, mine)
	login := d.call(t, "Login", args{"email": email, "password": mine}, retry()).want(t, 200, "")
	admin := bearer(login.str("access_token"))
	d.call(t, "Login", args{"email": email, "password": password()}).want(t, 401, "invalid_credentials")
	d.call(t, "Login", args{"email": password(), "password": password()}).want(t, 401, "invalid_credentials")
	if _, ok := d.(restDriver); ok {
		d.call(t, "Login", args{"email": email, "password": mine, "use_cookie": true}).want(t, 200, "")
	}
	next := password()
	d.call(t, "ChangePassword", args{"current_password": password(), "new_password": next, "confirm_password": next}, admin).want(t, 400, "incorrect_password")
	d.call(t, "ChangePassword", args{"current_password": mine, "new_password": next, "confirm_password": password()}, admin).want(t, 422, "invalid_request")
	d.call(t, "ChangePassword", args{"current_password": mine, "new_password": next, "confirm_password": next}, admin).want(t, 200, "")
	pair := d.call(t, "RefreshToken", args{"refresh_token": login.str("refresh_token")}, retry()).want(t, 200, "")
	d.call(t, "RefreshToken", args{"refresh_token": login.str("refresh_token")}).want(t, 401, "refresh_token_used")
	admin = bearer(pair.str("access_token"))

	useInvitation(t, d, w, admin, password(), retry)
	usePairing(t, d, w, admin, retry)
	key := d.call(t, "CreateKey", nil, admin, retry()).want(t, 201, "")
	d.call(t, "ListUsers", nil, bearer(key.str("key"))).want(t, 200, "")
	d.call(t, "RotateKey", args{"id": key.str("id"), "overlap_seconds": 60}, admin, retry()).want(t, 201, "")
	d.call(t, "ListUsers", nil, header("X-Open-Wearables-API-Key", key.str("key"))).want(t, 200, "")
	d.call(t, "ListUsers", nil, bearer(credential.Mint(credential.LiveKey))).want(t, 401, "invalid_api_key")
	d.call(t, "ListUsers", nil, bearer(pair.str("access_token")+"x")).want(t, 401, "invalid_token")
	app := d.call(t, "CreateApplication", args{"name": "A"}, admin, retry()).want(t, 201, "")
	secret := d.call(t, "RotateApplicationSecret", args{"app_id": app.str("app_id"), "overlap_seconds": 60}, admin, retry()).want(t, 200, "").str("app_secret")
	user := d.call(t, "CreateUser", args{}, bearer(key.str("key"))).want(t, 201, "").str("id")
	body := func(secret string) args {
		return args{"user_id": user, "app_id": app.str("app_id"), "app_secret": secret}
	}
	sdk := d.call(t, "CreateUserToken", body(secret), retry()).want(t, 200, "")
	d.call(t, "CreateUserToken", body(credential.Mint(credential.AppSecret))).want(t, 401, "invalid_app_credentials")
	d.call(t, "CreateUserToken", args{"user_id": user}, bearer(key.str("key")), retry()).want(t, 200, "")
	putWorkouts(t, d, sdk.str("access_token"), user, halfHourRun("w", "2026-03-02T07:00:00Z"))
	d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(sdk.str("access_token"))).want(t, 200, "")
	d.call(t, "RefreshToken", args{"refresh_token": sdk.str("refresh_token")}, retry()).want(t, 200, "")
	d.call(t, "RefreshToken", args{"refresh_token": sdk.str("refresh_token")}, retry()).want(t, 401, "refresh_token_reused")
	d.call(t, "RevokeToken", args{"refresh_token": pair.str("refresh_token")}).want(t, 204, "")
	d.call(t, "RevokeToken", args{"refresh_token": pair.str("access_token")}).want(t, 204, "")
	r := newRequest(t, "GET", n.url+"/api/v1/users?access_token="+sdk.str("access_token")+"&api_key="+key.str("key"), nil)
	n.send(t, r)
	n.send(t, newRequest(t, "GET", n.url+"/"+key.str("key"), nil))
	n.send(t, newRequest(t, "GET", n.url+"/api/v1/api-keys/"+key.str("key"), nil), admin)
}

// encodings returns the forms in which a secret might be stored, by description.
func encodings(secret string) map[string][]byte {
	digest := sha256.Sum256([]byte(secret))
	out := map[string][]byte{
		"as it is": []byte(secret), "in base64": []byte(base64.RawStdEncoding.EncodeToString([]byte(secret))),
		"in hexadecimal": []byte(hex.EncodeToString([]byte(secret))),
		"as its SHA-256": digest[:], "as its SHA-256 in hexadecimal": []byte(hex.EncodeToString(digest[:])),
		"without its beginning": []byte(secret[len(secret)-min(len(secret), 24):]),
	}
	if parts := strings.Split(secret, "."); len(parts) == 3 {
		out["without its beginning"] = []byte(parts[2])
		out["as its claims"] = []byte(parts[1])
	}
	return out
}

// TestNoSecretIsStored checks after many calls that no secret, in any encoding, is in the database,
// its WAL, or the log at debug level.
func TestNoSecretIsStored(t *testing.T) {
	t.Parallel()
	n := startOnSQLite(t, unlimited)
	transport := n.http.Transport
	w := &secretRecorder{next: transport, seen: map[string]string{n.password: "password"}}
	n.http.Transport = w
	for _, d := range n.drivers() {
		useEverySecret(t, n, d, w)
	}
	kinds := map[string]int{}
	for _, what := range w.seen {
		kinds[what]++
	}
	for _, what := range []string{"ow", "secret", "rt", "jwt", "idempotency", "password"} {
		if kinds[what] < 6 {
			t.Errorf("only %d secrets of the kind %s passed", kinds[what], what)
		}
	}
	check := func(when string, wants ...string) {
		t.Helper()
		places := map[string][]byte{"the log": []byte(n.log.String())}
		files, err := filepath.Glob(n.database + "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, ".secret") {
				continue
			}
			if places[filepath.Base(file)], err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
		for place, content := range places {
			for secret, what := range w.seen {
				for how, text := range encodings(secret) {
					if bytes.Contains(content, text) {
						t.Errorf("%s: %s holds a %s %s", when, place, what, how)
					}
				}
			}
		}
		for _, place := range wants {
			if len(places[place]) == 0 {
				t.Errorf("%s: %s was not looked at, only %d others", when, place, len(places))
			}
		}
		if !bytes.Contains(places["node.db"], []byte("ow_live_")) && !bytes.Contains(places["node.db-wal"], []byte("ow_live_")) {
			t.Errorf("%s: not even a key's prefix is found: the search is blind", when)
		}
	}
	check("while running", "node.db", "node.db-wal", "the log")
	n.stop()
	check("after the end", "node.db", "the log")
}

// TestFilesBelongToTheirOwnerAlone checks that only the owner can read the files that the node
// writes.
func TestFilesBelongToTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	n := startOnSQLite(t)
	n.login(t, n.drivers()[0])
	files, err := filepath.Glob(n.database + "*")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v, %v", filepath.Base(file), info.Mode(), err)
		}
	}
}

// TestDeletedUserLeavesNothing checks that after a deletion and a checkpoint, the database contains
// nothing of the user but the audit rows.
func TestDeletedUserLeavesNothing(t *testing.T) {
	t.Parallel()
	n := startOnSQLite(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	app, secret := n.newApp(t, ds[0], admin)
	mark := func(i int, s string) string { return fmt.Sprintf("mark%d%s", i, s) }
	var ids []string
	for i, d := range ds {
		m := func(s string) string { return mark(i, s) }
		id := d.call(t, "CreateUser", args{
			"first_name": m("first"), "last_name": m("LAST"), "email": m("Email") + "@example.com", "external_user_id": m("external"),
		}, bearer(admin)).want(t, 201, "").str("id")
		access, refresh := n.exchange(t, d, id, app, secret)
		w := withMembers(halfHourRun(m("workout"), "2026-03-02T07:00:00Z"), args{
			"type": m("type"), "name": m("name"),
			"source": args{"provider": m("provider"), "source": m("source"), "device": m("device"), "device_type": m("kind"), "device_name": m("device_name")},
		})
		putWorkouts(t, d, access, id, w, withMembers(w, args{"external_id": m("second"), "name": strings.Repeat(m("name"), 12)}))
		d.call(t, "UpdateUser", args{"id": id, "first_name": m("renamed")}, bearer(admin)).want(t, 200, "")
		d.call(t, "ListWorkouts", args{"user_id": id, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(access)).want(t, 200, "")
		d.call(t, "ListUsers", args{"search": m("first")}, bearer(admin)).want(t, 200, "")
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
		ids = append(ids, id)
	}
	content := func() []byte {
		var all []byte
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(n.database + suffix)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		return bytes.ToLower(all)
	}
	if found := content(); !bytes.Contains(found, []byte("mark0first")) || !bytes.Contains(found, []byte("mark2device_name")) {
		t.Fatal("what a user is known by is not found while it is there: the search is blind")
	}
	for i, d := range ds {
		d.call(t, "DeleteUser", args{"id": ids[i]}, bearer(admin)).want(t, 200, "")
		d.call(t, "ListWorkouts", args{"user_id": ids[i], "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(admin)).want(t, 404, "not_found")
	}
	n.stop()
	found := content()
	if at := bytes.Index(found, []byte("mark")); at >= 0 {
		t.Errorf("left of deleted users: %q", found[at:at+24])
	}
	if info, err := os.Stat(n.database + "-wal"); err == nil && info.Size() > 0 {
		t.Errorf("%d bytes are left in the WAL after the end", info.Size())
	}
	if !bytes.Contains(found, []byte(ids[0])) {
		t.Error("the audit rows of the deleted user are gone")
	}
	if strings.Contains(n.log.String(), "mark") {
		t.Error("the log holds what a user is known by")
	}
}

// startError returns the error of a start on the node's database.
func (n *node) startError(t *testing.T, change ...func(*server.Config)) error {
	t.Helper()
	config := server.DefaultConfig()
	config.Database = "sqlite:" + n.database
	for _, f := range change {
		f(&config)
	}
	s, err := server.New(t.Context(), config)
	if err == nil {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return nil
	}
	return err
}

// TestUnfitMasterSecretRefusesTheStart checks that the node does not start with a secret that is
// weak, wrong or readable by others. The error says what to do and does not reveal the secret. The
// database stays intact.
func TestUnfitMasterSecretRefusesTheStart(t *testing.T) {
	t.Parallel()
	n := startOnSQLite(t)
	d := n.drivers()[0]
	access, refresh := n.login(t, d)
	_, key := n.newKey(t, d, access, nil)
	n.stop()
	given := func(secret string) func(*server.Config) {
		return func(c *server.Config) { c.Secret = []byte(secret) }
	}
	another := "Q" + rand.Text() + rand.Text()
	for secret, says := range map[string]string{
		"secret": "OPENWEARABLES_SECRET", strings.Repeat("a", 64): "OPENWEARABLES_SECRET", rand.Text(): "OPENWEARABLES_SECRET",
		"your-256-bit-secret-your-256-bit-secret": "OPENWEARABLES_SECRET",
		another: "not the secret that this database was made with",
	} {
		err := n.startError(t, given(secret))
		if err == nil || !strings.Contains(err.Error(), says) || len(secret) > 6 && strings.Contains(err.Error(), secret) {
			t.Errorf("a start with a wrong secret fails with %v, want %q", err, says)
		}
	}
	file := n.database + ".secret"
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := n.startError(t); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others can read: %v", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, file+".kept"); err != nil {
		t.Fatal(err)
	}
	if err := n.startError(t); err == nil || !strings.Contains(err.Error(), "not the secret that this database was made with") {
		t.Errorf("without the secret's file: %v", err)
	}
	if err := os.Rename(file+".kept", file); err != nil {
		t.Fatal(err)
	}
	n.boot(t, given(string(kept))) // the same secret, passed as a value
	d.call(t, "ListUsers", nil, bearer(key)).want(t, 200, "")
	d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "")
	n.clock.advance(time.Second)
	d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
}
