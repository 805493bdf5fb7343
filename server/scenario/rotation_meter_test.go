package scenario_test

import (
	"testing"
	"time"
)

// overlap returns the overlap of a key or an application, nil if there is none.
func (a answer) overlap() map[string]any {
	m, _ := a.member("overlap").(map[string]any)
	return m
}

// requestsOf returns the requests of an overlap; Connect leaves a 0 out.
func requestsOf(previous map[string]any) float64 { n, _ := previous["requests"].(float64); return n }

// rotation is what has two secrets for a while: a key or an application.
type rotation struct {
	get, rotate, finish string
	id                  args
	secret              string // the member of an answer
	status              int    // of a rotation
	use                 func(secret, client string) answer
	operation, reason   string // of a use, and its refusal
}

func rotations(t *testing.T, n *node, d driver, admin string) (all []rotation, first []string) {
	t.Helper()
	id, key := n.newKey(t, d, admin, nil)
	app, secret := n.newApp(t, d, admin)
	user := n.newUser(t, d, admin)
	return []rotation{
		{"GetKey", "RotateKey", "FinishKeyRotation", args{"id": id}, "key", 201, func(secret, client string) answer {
			return d.call(t, "ListUsers", nil, bearer(secret), header("User-Agent", client))
		}, "ListUsers", "invalid_api_key"},
		{
			"GetApplication", "RotateApplicationSecret", "FinishApplicationRotation",
			args{"app_id": app},
			"app_secret", 200,
			func(secret, client string) answer {
				return d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}, header("User-Agent", client))
			}, "CreateUserToken", "invalid_app_credentials",
		},
	}, []string{key, secret}
}

// TestOverlapSaysWhatUsesIt checks that a key and an application say what used the older
// secret since the rotation, and nothing of the newest; that the numbers survive
// a restart, begin anew with another rotation, and go with the end of the overlap.
func TestOverlapSaysWhatUsesIt(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	for _, d := range n.drivers() {
		admin, _ := n.login(t, d)
		all, secrets := rotations(t, n, d, admin)
		for i, r := range all {
			get := func() map[string]any { return d.call(t, r.get, r.id, bearer(admin)).want(t, 200, "").overlap() }
			wait := func(requests float64) (p map[string]any) {
				t.Helper()
				for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
					if p = get(); p != nil && requestsOf(p) == requests {
						return p
					} else if time.Now().After(end) {
						t.Fatalf("%s says %v, want %v requests", r.get, p, requests)
					}
				}
			}
			old := secrets[i]
			r.use(old, "before/1")
			if p := get(); p != nil {
				t.Errorf("%s before a rotation: %v", r.get, p)
			}
			overlap := withMembers(r.id, args{"overlap_seconds": 600})
			rotated := d.call(t, r.rotate, overlap, bearer(admin)).want(t, r.status, "")
			newest := rotated.str(r.secret)
			if p := get(); requestsOf(p) != 0 || p["last_used_at"] != nil || p["last_used_client"] != nil || p["expires_at"] == nil {
				t.Errorf("%s right after a rotation: %v", r.get, p)
			}
			r.use(newest, "new/1")
			from := n.clock.now().Truncate(time.Microsecond)
			for range 3 {
				r.use(old, "old/1")
			}
			p := wait(3)
			if p["last_used_client"] != "old/1" || p["last_used_operation"] != r.operation || p["last_used_ip"] != "127.0.0.1" {
				t.Errorf("%s after three uses: %v", r.get, p)
			}
			if at, err := time.Parse(time.RFC3339Nano, p["last_used_at"].(string)); err != nil || at.Before(from) || at.After(n.clock.now()) {
				t.Errorf("last used at %v after a use at %v", p["last_used_at"], from)
			}
			n.stop()
			n.boot(t, unlimited)
			r.use(old, "old/2")
			if p := wait(4); p["last_used_client"] != "old/2" {
				t.Errorf("%s after a restart: %v", r.get, p)
			}
			d.call(t, r.rotate, overlap, bearer(admin)).want(t, r.status, "")
			if p := get(); requestsOf(p) != 0 || p["last_used_at"] != nil {
				t.Errorf("%s after another rotation: %v", r.get, p)
			}
			r.use(newest, "new/2")
			wait(1)
			n.clock.advance(10 * time.Minute)
			admin, _ = n.login(t, d)
			if p := get(); p != nil {
				t.Errorf("%s after the overlap: %v", r.get, p)
			}
		}
	}
}

// TestFinishRotation checks that the older secret is refused as soon as the call has succeeded, that
// the newest works on, and that repeating it changes nothing.
func TestFinishRotation(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	for _, d := range n.drivers() {
		admin, _ := n.login(t, d)
		all, secrets := rotations(t, n, d, admin)
		for i, r := range all {
			overlap := withMembers(r.id, args{"overlap_seconds": 600})
			newest := d.call(t, r.rotate, overlap, bearer(admin)).want(t, r.status, "").str(r.secret)
			if a := r.use(secrets[i], "x"); a.Status >= 300 {
				t.Fatalf("%s during the overlap: %d", r.operation, a.Status)
			}
			for range 2 {
				if a := d.call(t, r.finish, r.id, bearer(admin)).want(t, 200, ""); a.overlap() != nil || a.str("previous_expires_at") != "" {
					t.Errorf("%s answers %v", r.finish, a.Body)
				}
				r.use(secrets[i], "x").want(t, 401, r.reason)
				if a := r.use(newest, "x"); a.Status >= 300 {
					t.Errorf("%s ended the newest secret: %d", r.finish, a.Status)
				}
			}
		}
	}
}

// TestOverlapsOfOneRequestCountAlone checks that an exchange whose header holds the older secret of a
// key counts for the application too.
func TestOverlapsOfOneRequestCountAlone(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	for _, d := range n.drivers() {
		admin, _ := n.login(t, d)
		all, secrets := rotations(t, n, d, admin)
		for _, r := range all {
			d.call(t, r.rotate, withMembers(r.id, args{"overlap_seconds": 600}), bearer(admin)).want(t, r.status, "")
		}
		user := n.newUser(t, d, admin)
		exchange := withMembers(all[1].id, args{"user_id": user, "app_secret": secrets[1]})
		d.call(t, "CreateUserToken", exchange, bearer(secrets[0])).want(t, 200, "")
		for _, r := range all {
			var got float64
			for end := time.Now().Add(30 * time.Second); got < 1 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				got = requestsOf(d.call(t, r.get, r.id, bearer(admin)).want(t, 200, "").overlap())
			}
			if got != 1 {
				t.Errorf("%s counts %v requests", r.get, got)
			}
		}
	}
}
