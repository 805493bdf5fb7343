package cluster_test

import (
	"crypto/rand"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/redistest"
)

// eventually fails the test unless the condition holds within ten seconds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func openURL(t *testing.T, url string) *cluster.Redis {
	t.Helper()
	r, err := cluster.Open(t.Context(), cluster.Config{URL: url, Installation: "one", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// works reports whether a limit is counted in Redis.
func works(t *testing.T, r *cluster.Redis) bool {
	t.Helper()
	if _, err := r.Take(t.Context(), policy, rand.Text()); err != nil {
		t.Error(err)
	}
	return !r.Lost()
}

// A password that is replaced, at the server and in the file, costs no restart.
func TestPasswordIsReadAnew(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	path := filepath.Join(t.TempDir(), "password")
	change := func(password string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Do("ACL", "SETUSER", "node", "resetpass", ">"+password, "on", "~*", "+@all")
		s.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	}
	change("first")
	r := openURL(t, "redis://node@"+s.Addr()+"?password_file="+url.QueryEscape(path))
	for _, password := range []string{"second", "third"} {
		if !works(t, r) {
			t.Fatal("Redis counts as lost")
		}
		change(password)
		eventually(t, "back with the next password", func() bool { return works(t, r) && !r.Lost() })
	}
}

// With TLS the authority is the operator's, and a client's certificate that is
// replaced costs no restart.
func TestCertificatesOfTheOperator(t *testing.T) {
	t.Parallel()
	s := redistest.StartTLS(t)
	query := url.Values{"ca_file": {s.CA}, "cert_file": {s.Cert}, "key_file": {s.Key}}
	r := openURL(t, "rediss://"+s.Addr()+"?"+query.Encode())
	if !works(t, r) {
		t.Fatal("Redis counts as lost")
	}
	s.Kill()
	s.Renew(t, time.Now().Add(-time.Minute))
	s.Start()
	eventually(t, "lost with a certificate that is over", func() bool { works(t, r); return r.Lost() })
	s.Renew(t, time.Now().Add(time.Hour))
	eventually(t, "back with the next certificate", func() bool { return !r.Lost() })
}

// A URL that cannot work is refused with what to change, and without its password.
func TestURLsAreRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	none, empty := filepath.Join(folder, "none"), filepath.Join(folder, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, says := range map[string]string{
		"redis://a:pass word@x":                                "--redis must be",
		"redis://localhost/?odd=hunter2":                       "--redis must be",
		"redis://:hunter2@localhost?password_file=" + empty:    "not both",
		"redis://localhost?password_file=" + none:              "no such file",
		"redis://localhost?password_file=" + folder:            "not a regular file",
		"redis://localhost?ca_file=" + empty:                   "for rediss://",
		"rediss://localhost?cert_file=" + empty:                "go together",
		"rediss://localhost?ca_file=" + empty:                  "no certificate in PEM",
		"rediss://localhost?ca_file=" + none:                   "no such file",
		"rediss://localhost?cert_file=/x&key_file=" + none:     "cert_file and key_file",
		"rediss://localhost?cert_file=" + empty + "&key_file=": "go together",
	} {
		r, err := cluster.Open(t.Context(), cluster.Config{URL: url, Installation: "one", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s: opened, %v", url, r.Close())
		} else if text := err.Error(); !strings.Contains(text, says) || strings.Contains(text, "hunter2") || strings.Contains(text, "pass word") {
			t.Errorf("%s: %s", url, text)
		}
	}
}
