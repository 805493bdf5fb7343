package provenance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/provenance"
)

// A commit is clean though the page has changed, and not if anything else has.
func TestCommitOfATree(t *testing.T) {
	const page = "folder/PAGE.md"
	root := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	write := func(name, text string) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !provenance.CommitOf(root, page).Dirty {
		t.Error("no commit is clean")
	}
	write(page, "1")
	write("code", "1")
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "x", "--date=2026-01-01T10:00:00+02:00")
	write(page, "2")
	if c := provenance.CommitOf(root, page); c.Dirty || len(strings.Fields(c.Name)) != 3 {
		t.Errorf("a tree whose page has changed is %+v", c)
	}
	write("code", "2")
	if !provenance.CommitOf(root, page).Dirty {
		t.Error("a tree whose code has changed is clean")
	}
}
