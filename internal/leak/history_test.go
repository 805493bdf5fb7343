package leak

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repo is a repository of git in a folder of its own.
type repo struct {
	t      *testing.T
	folder string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
	r := &repo{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits a file, or removes it if text is empty, and returns the commit.
func (r *repo) commit(name, text string) string {
	r.t.Helper()
	if text == "" {
		r.git("rm", "-q", name)
	} else {
		write(r.t, r.folder, name, text)
		r.git("add", name)
	}
	r.git("commit", "-q", "-m", "change "+name)
	return r.git("rev-parse", "HEAD")
}

// traces are where the history of a repository has findings.
func traces(r Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		if f.Object != "" {
			list = append(list, strings.Join([]string{f.Commit, f.Path, string(f.Kind)}, " "))
		}
	}
	slices.Sort(list)
	return list
}

func sorted(list ...string) []string {
	slices.Sort(list)
	return list
}

func TestHistoryFindsWhatWasRemoved(t *testing.T) {
	secrets, r := mint(t), newRepo(t)
	r.commit("README", "nothing\n")
	first := r.commit("dir/größe .env", "\nKEY="+secrets[LiveKey]+"\n")
	r.commit("dir/größe .env", "\nKEY="+secrets[LiveKey]+"\nmore\n") // another version with the same
	r.git("mv", "dir/größe .env", "moved")
	r.git("commit", "-q", "-m", "move")
	r.commit("moved", "")
	r.git("checkout", "-q", "-b", "side", first)
	side := r.commit("side", secrets[TestKey])
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-commit", "side")
	merge := r.commit("merged", secrets[RefreshToken])
	r.commit("side", "")
	r.commit("merged", "")
	for _, path := range []string{r.folder, filepath.Join(r.folder, "dir"), filepath.Join(r.folder, ".git")} {
		if err := os.MkdirAll(filepath.Join(r.folder, "dir"), 0o700); err != nil {
			t.Fatal(err)
		}
		got := scan(t, secrets, Options{Paths: []string{path}, History: true})
		want := sorted(first+" dir/größe .env live-key", side+" side test-key", merge+" merged refresh-token")
		if !slices.Equal(traces(got), want) || got.Summary.NotScanned != 0 || got.Summary.Objects < 8 {
			t.Errorf("%s: %q, want %q; %+v", path, traces(got), want, got)
		}
		for _, f := range got.Findings {
			if f.Kind == LiveKey && (f.Line != 2 || f.Column != 5 || f.Repository != path || len(f.Object) != 40) {
				t.Errorf("%+v", f)
			}
		}
	}
	both := Options{Paths: []string{r.folder, filepath.Join(r.folder, "dir")}, History: true}
	if got := scan(t, secrets, both); len(got.Findings) != 3 {
		t.Errorf("two paths in one repository: %q", traces(got))
	}
	if got := scan(t, secrets, Options{Paths: []string{r.folder}}); len(got.Findings) != 0 {
		t.Errorf("without --history: %+v", got.Findings)
	}
}

// The history has more than files of commits that a branch reaches.
func TestHistoryReadsEveryObject(t *testing.T) {
	secrets, r := mint(t), newRepo(t)
	r.commit("a", "nothing\n")
	write(t, r.folder, "b", secrets[LiveKey])
	r.git("add", "b")
	r.git("rm", "-q", "--cached", "b") // was only staged
	if err := os.Remove(filepath.Join(r.folder, "b")); err != nil {
		t.Fatal(err)
	}
	amended := r.commit("c", secrets[TestKey])
	write(t, r.folder, "c", "nothing")
	r.git("commit", "-q", "-a", "--amend", "-m", "amended")
	r.git("commit", "-q", "--allow-empty", "-m", "use "+secrets[ApplicationSecret])
	said := r.git("rev-parse", "HEAD")
	r.git("tag", "-a", "-m", secrets[RefreshToken], "v1")
	got := scan(t, secrets, Options{Paths: []string{r.folder}, History: true})
	want := sorted("  live-key", amended+" c test-key", said+"  application-secret", "  refresh-token")
	if !slices.Equal(traces(got), want) {
		t.Errorf("%q, want %q", traces(got), want)
	}
	r.git("reflog", "expire", "--expire=now", "--all") // nothing reaches the amended commit
	got = scan(t, secrets, Options{Paths: []string{r.folder}, History: true})
	want = sorted("  live-key", "  test-key", said+"  application-secret", "  refresh-token")
	if !slices.Equal(traces(got), want) {
		t.Errorf("without a reflog %q, want %q", traces(got), want)
	}
}

func TestHistoryThatIsNotWholeIsSaid(t *testing.T) {
	secrets, r := mint(t), newRepo(t)
	r.commit("a", secrets[LiveKey])
	last := r.commit("a", secrets[TestKey])
	for _, c := range []struct {
		says string
		args []string
	}{
		{"git fetch --unshallow", []string{"--depth", "1"}},
		{"git fetch --refetch", []string{"--filter=blob:none"}},
	} {
		r.git("config", "uploadpack.allowFilter", "true")
		clone := filepath.Join(t.TempDir(), "clone")
		r.git(append(append([]string{"clone", "-q"}, c.args...), "file://"+r.folder, clone)...)
		got := scan(t, secrets, Options{Paths: []string{clone}, History: true})
		if len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Message, c.says) || !slices.Equal(traces(got), []string{last + " a test-key"}) {
			t.Errorf("%q: %q, %+v", c.args, traces(got), got.Problems)
		}
	}
	none := t.TempDir()
	write(t, none, "a", secrets[LiveKey])
	got := scan(t, secrets, Options{Paths: []string{none}, History: true})
	if len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Message, "not a git repository") || len(got.Findings) != 1 {
		t.Errorf("no repository: %+v", got)
	}
	object := r.git("rev-parse", "HEAD:a")
	damaged := filepath.Join(r.folder, ".git", "objects", object[:2], object[2:])
	if err := os.Chmod(damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	got = scan(t, secrets, Options{Paths: []string{r.folder}, History: true})
	if len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Message, "git cat-file") {
		t.Errorf("a damaged object: %+v", got)
	}
}

func TestHistoryOfTheNamedRepositoryOnly(t *testing.T) {
	secrets, r := mint(t), newRepo(t)
	first := r.commit("a", secrets[LiveKey])
	other := newRepo(t)
	other.commit("b", secrets[TestKey])
	t.Setenv("GIT_DIR", filepath.Join(other.folder, ".git")) // as in a hook of the other
	got := scan(t, secrets, Options{Paths: []string{r.folder}, History: true})
	if !slices.Equal(traces(got), []string{first + " a live-key"}) {
		t.Errorf("%q, %+v", traces(got), got.Problems)
	}
}

func TestMissingGitIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Scan(t.Context(), Options{Paths: []string{"."}, History: true}); err == nil || !strings.Contains(err.Error(), "--history needs git") {
		t.Errorf("said %v", err)
	}
}
