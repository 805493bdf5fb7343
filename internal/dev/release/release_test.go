package release_test

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

const root = "../../.."

// tree is a repository with the files of this one, in one commit, and what a release of
// it needs.
type tree struct {
	t            *testing.T
	folder, home string
}

func newTree(t *testing.T) tree {
	t.Helper()
	tr := tree{t, t.TempDir(), t.TempDir()}
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	list.Dir = root
	files, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	copied := exec.Command("tar", "-C", root, "--ignore-failed-read", "--null", "-T", "-", "-c")
	copied.Stdin = bytes.NewReader(files)
	archive, err := copied.Output()
	if err != nil {
		t.Fatalf("tar: %v", err)
	}
	unpack := exec.Command("tar", "-C", tr.folder, "-x")
	unpack.Stdin = bytes.NewReader(archive)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v %s", err, out)
	}
	changelog := filepath.Join(tr.folder, "CHANGELOG.md")
	text, err := os.ReadFile(changelog)
	if err != nil {
		t.Fatal(err)
	}
	dated := regexp.MustCompile(`(?m)^## `+regexp.QuoteMeta(server.Version)+`, .*$`).ReplaceAll(text, []byte("## "+server.Version+", 2026-01-31"))
	if err := os.WriteFile(changelog, dated, 0o644); err != nil {
		t.Fatal(err)
	}
	tr.ok("git", "init", "--quiet", "--initial-branch=main")
	tr.commit()
	return tr
}

// command returns a command in the tree, which knows no settings of this user.
func (tr tree) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.WaitDelay = tr.folder, 5*time.Second
	venv, err := filepath.Abs(root + "/.cache/ship")
	if err != nil {
		tr.t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ann", "GIT_COMMITTER_NAME=Ann",
		"GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_EMAIL=ann@example.com", "VENV="+venv, "TARGETS=linux/amd64", "NPM=no")
	return cmd
}

// run runs a command to its end, for 20 minutes at most.
func (tr tree) run(name string, args ...string) (string, error) {
	tr.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	out, err := tr.command(ctx, name, args...).CombinedOutput()
	return string(out), err
}

func (tr tree) ok(name string, args ...string) string {
	tr.t.Helper()
	out, err := tr.run(name, args...)
	if err != nil {
		tr.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

func (tr tree) commit() {
	tr.t.Helper()
	tr.ok("git", "add", "--all")
	tr.ok("git", "commit", "--quiet", "-m", "All")
}

func (tr tree) release(args ...string) (string, error) {
	tr.t.Helper()
	return tr.run("internal/dev/release/release.sh", args...)
}

// path returns the path of a file of the release in the home folder.
func (tr tree) path(name string) string { return filepath.Join(tr.home, name) }

func (tr tree) bare(name string) string {
	tr.t.Helper()
	tr.ok("git", "init", "--quiet", "--bare", "--initial-branch=main", tr.path(name))
	return tr.path(name)
}

// The same commit gives the same bytes, signed by a key that the release was given, and
// tags that the Go command and Swift find; and it is installed as README says.
func TestReleaseIsReproducibleSignedAndTagged(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the server twice")
	}
	tr := newTree(t)
	tr.ok("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", tr.path("key"))
	remote, swift := tr.bare("remote.git"), tr.bare("swift.git")
	for _, args := range [][]string{{"-key", tr.path("key"), "-push", remote, "-swift", swift, tr.path("one")}, {tr.path("two")}} {
		if out, err := tr.release(args...); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		t.Setenv("GOAMD64", "v3") // as on another machine
	}
	tr.wantSame("one", "two")
	tr.wantSigned("one")
	tr.wantTags(remote, swift)
	tr.wantContents("one")
	tr.wantInstallScript("one")
	tr.wantGoInstall(remote)
	if out, err := tr.release("-push", remote, tr.path("again")); err == nil || !strings.Contains(out, "has the tag v"+server.Version+" already") {
		t.Errorf("a version was released twice: %v %s", err, out)
	}
}

func (tr tree) wantSame(one, two string) {
	tr.t.Helper()
	names := tr.names(two)
	if signed := slices.Sorted(slices.Values(append(slices.Clone(names), "SHA256SUMS.sig"))); !slices.Equal(tr.names(one), signed) {
		tr.t.Errorf("the files are %q and %q", tr.names(one), names)
	}
	for _, name := range names {
		a, err := os.ReadFile(tr.path(one + "/" + name))
		if err != nil {
			tr.t.Fatal(err)
		}
		b, err := os.ReadFile(tr.path(two + "/" + name))
		if err != nil || !bytes.Equal(a, b) {
			tr.t.Errorf("%s differs between two builds: %v", name, err)
		}
	}
}

func (tr tree) names(folder string) (all []string) {
	tr.t.Helper()
	entries, err := os.ReadDir(tr.path(folder))
	if err != nil {
		tr.t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func (tr tree) wantSigned(folder string) {
	tr.t.Helper()
	public, err := os.ReadFile(tr.path("key.pub"))
	if err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(tr.path("signers"), append([]byte("release "), public...), 0o600); err != nil {
		tr.t.Fatal(err)
	}
	verify := "cd '" + tr.path(folder) + "' && sha256sum --quiet --check SHA256SUMS && " +
		"ssh-keygen -q -Y verify -f ../signers -I release -n openwearables-release -s SHA256SUMS.sig <SHA256SUMS"
	tr.ok("bash", "-ec", verify)
	sums := tr.path(folder + "/SHA256SUMS")
	text, err := os.ReadFile(sums)
	if err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(sums, append(text, '\n'), 0o600); err != nil {
		tr.t.Fatal(err)
	}
	if out, err := tr.run("bash", "-ec", verify); err == nil {
		tr.t.Errorf("changed sums verify: %s", out)
	}
	if err := os.WriteFile(sums, text, 0o600); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr tree) wantTags(remote, swift string) {
	tr.t.Helper()
	head := strings.TrimSpace(tr.ok("git", "rev-parse", "HEAD"))
	for _, folder := range []string{"", "clients/go/", "clients/go/oauth2/", "gen/openwearables/"} {
		tag := folder + "v" + server.Version
		if at := strings.TrimSpace(tr.ok("git", "-C", remote, "rev-parse", tag+"^{commit}")); at != head {
			tr.t.Errorf("%s is at %s, want %s", tag, at, head)
		}
	}
	tr.ok("git", "-C", remote, "-c", "gpg.format=ssh", "-c", "gpg.ssh.allowedSignersFile="+tr.path("signers"), "verify-tag", "v"+server.Version)
	if root := tr.ok("git", "-C", swift, "ls-tree", "--name-only", server.Version); !strings.Contains(root, "Package.swift\n") {
		tr.t.Errorf("the root of the Swift package has %q", root)
	}
}

// wantContents looks into what was made.
func (tr tree) wantContents(folder string) {
	tr.t.Helper()
	base := "openwearables_" + server.Version + "_"
	tr.ok("tar", "-C", tr.home, "-xzf", tr.path(folder+"/"+base+"linux_amd64.tar.gz"))
	binary := tr.path(base + "linux_amd64/openwearables")
	head := strings.TrimSpace(tr.ok("git", "rev-parse", "HEAD"))
	if out := tr.ok(binary, "version"); out != "openwearables "+server.Version+" of "+head+"\n" {
		tr.t.Errorf("it is %q", out)
	}
	deb := tr.ok("dpkg-deb", "--contents", tr.path(folder+"/"+base+"amd64.deb"))
	for _, name := range []string{"./usr/bin/openwearables", "./lib/systemd/system/openwearables.service", "./usr/share/doc/openwearables/copyright"} {
		if !strings.Contains(deb, " "+name+"\n") {
			tr.t.Errorf("%s is not in the package:\n%s", name, deb)
		}
	}
	text, err := os.ReadFile(tr.path(folder + "/" + base + "linux_amd64.spdx.json"))
	if err != nil {
		tr.t.Fatal(err)
	}
	var bom struct {
		Packages []struct{ Name, LicenseDeclared string }
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		tr.t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil || len(bom.Packages) != len(info.Deps)+2 { // the program and the standard library
		tr.t.Errorf("%d packages are listed, and %d modules linked: %v", len(bom.Packages), len(info.Deps), err)
	}
	for _, p := range bom.Packages {
		if p.LicenseDeclared == "" {
			tr.t.Errorf("%s has no licence", p.Name)
		}
	}
}

// What would not be this commit is not released.
func TestReleaseRefuses(t *testing.T) {
	tr := newTree(t)
	refused := func(says string, args ...string) {
		t.Helper()
		if out, err := tr.release(append(args, tr.path("out"))...); err == nil || !strings.Contains(out, says) {
			t.Errorf("want %q: %v %s", says, err, out)
		}
		if _, err := os.Stat(tr.path("out")); err == nil {
			t.Errorf("%s: a folder was made", says)
		}
	}
	refused("unknown option -sign", "-sign", "x")
	changelog := filepath.Join(tr.folder, "CHANGELOG.md")
	text, err := os.ReadFile(changelog)
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range []string{server.Version + ", unreleased", "9.9.9, 2026-01-31"} {
		changed := bytes.Replace(text, []byte("## "+server.Version+", 2026-01-31"), []byte("## "+heading), 1)
		if err := os.WriteFile(changelog, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		refused("the tree has changes that are not committed")
		tr.commit()
		refused(`CHANGELOG.md begins with "` + heading + `"`)
	}
}

// The user of the image reads all of it, whoever builds it.
func TestImageIsReadUnderAnyUmask(t *testing.T) {
	t.Parallel()
	image := t.TempDir()
	build := exec.Command("bash", "-c", `umask 077; exec ./image-root.sh "$0" "$1"`, "image-root.sh", image)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	err := filepath.WalkDir(filepath.Join(image, "root"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o004 == 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
