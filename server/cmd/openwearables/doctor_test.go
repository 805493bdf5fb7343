package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	i := install(t)
	if out := i.ok("", "doctor"); !strings.Contains(out, "there is none at openwearables.db yet") {
		t.Errorf("without a database: %s", out)
	}
	if entries, err := os.ReadDir(i.folder); err != nil || len(entries) != 0 {
		t.Errorf("doctor made %v, %v", entries, err)
	}
	healthy := func(when string) {
		t.Helper()
		out := i.ok("", "doctor")
		if strings.Contains(out, "wrong") || !strings.Contains(out, "ok     database, secret and keys") {
			t.Errorf("%s: %s", when, out)
		}
	}
	wrong := func(when, line string, args ...string) {
		t.Helper()
		o := i.run("", append([]string{"doctor"}, args...)...)
		if o.status != 1 || !strings.Contains(o.stdout, "wrong  "+line) || !strings.Contains(o.stderr, "of the checks failed") {
			t.Errorf("%s: %d\n%s%s", when, o.status, o.stdout, o.stderr)
		}
	}
	i.ok("", "migrate")
	healthy("with a database")
	p := i.serve()
	healthy("with a running server")
	chmod := func(name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(i.path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"openwearables.db", "openwearables.db-wal", "openwearables.db.sock", "openwearables.db.secret"} {
		chmod(name, 0o644)
		wrong(name+" is readable by all", "only its owner reaches "+name+": ")
		chmod(name, 0o600)
	}
	wrong("a setting is wrong", "configuration: --jwt-alg", "--jwt-alg", "none")
	wrong("a file is missing", "configuration: --tls-cert and --tls-key: ", "--tls-cert", "no.pem", "--tls-key", "no.pem")
	p.stop()
	if err := os.WriteFile(i.path("openwearables.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong("the file is no database", "database, secret and keys: ")
}

// A backend that can be reached past the server is warned of: what was ended here works
// there.
func TestDoctorWarnsOfAnOpenBackend(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	p := i.serve()
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(401)
		fmt.Fprint(w, `{"detail": "Not authenticated"}`)
	}))
	defer theirs.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	for address, want := range map[string]string{
		theirs.URL: "warn   backend: ", p.url: "leads to this product", closed.URL: "nothing answers",
	} {
		if out := i.ok("", "doctor", "--backend-url", address); !strings.Contains(out, want) {
			t.Errorf("%s: %s", address, out)
		}
	}
	if o := i.run("", "doctor", "--backend-url", "example.com"); o.status != 1 || !strings.Contains(o.stderr, "--backend-url must be") {
		t.Errorf("%d %s", o.status, o.stderr)
	}
}
