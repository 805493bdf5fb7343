package release_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// shell runs a script, which must succeed, in the folder.
func shell(t *testing.T, folder, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// A release is installed from where it is, if it is as it was signed, and not otherwise.
func TestInstallScript(t *testing.T) {
	t.Parallel()
	releases := t.TempDir()
	folder := filepath.Join(releases, "download", "v9.8.7")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	name := "openwearables_9.8.7_" + runtime.GOOS + "_" + runtime.GOARCH
	shell(t, folder, `mkdir -p ../../latest `+name+`; ln -s ../download/v9.8.7 ../../latest/download
		printf '#!/bin/sh\necho "openwearables 9.8.7 $1"\n' >`+name+`/openwearables
		chmod 755 `+name+`/openwearables; tar -czf `+name+`.tar.gz `+name+`; rm -r `+name+`
		sha256sum -- *.tar.gz >SHA256SUMS
		ssh-keygen -q -t ed25519 -N '' -C release -f ../../key; ssh-keygen -q -t ed25519 -N '' -C other -f ../../other
		ssh-keygen -q -Y sign -f ../../key -n openwearables-release SHA256SUMS
		for who in key other; do echo "release $(cat ../../$who.pub)" >../../$who.signers; done`)
	server := httptest.NewServer(http.FileServer(http.Dir(releases)))
	defer server.Close()
	install := func(args ...string) (string, error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		script, err := filepath.Abs(root + "/server/deploy/install.sh")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, "sh", append([]string{script, "--from", server.URL}, args...)...)
		cmd.WaitDelay = 5 * time.Second
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	signers, others := filepath.Join(releases, "key.signers"), filepath.Join(releases, "other.signers")
	to := t.TempDir()
	for _, args := range [][]string{{}, {"--version", "9.8.7"}, {"--version", "v9.8.7"}} {
		out, err := install(append(args, "--to", to, "--signers", signers)...)
		if err != nil || !strings.HasPrefix(out, "openwearables 9.8.7 version\n") {
			t.Errorf("%q: %v %s", args, err, out)
		}
	}
	if out, err := install("--to", to); err != nil || !strings.Contains(out, "the signature is not checked") {
		t.Errorf("without a key: %v %s", err, out)
	}
	refused := func(said string, args ...string) {
		t.Helper()
		never := filepath.Join(t.TempDir(), "bin")
		out, err := install(append(args, "--to", never)...)
		if err == nil || !strings.Contains(out, said) {
			t.Errorf("%v, and it does not say %q: %s", err, said, out)
		}
		if _, err := os.Stat(never); err == nil {
			t.Errorf("%q: something was installed", said)
		}
	}
	refused("is not the maintainers'", "--signers", others)
	refused("could not be downloaded", "--version", "1.2.3")
	refused("there is no option", "--unknown", "x")
	clone := t.TempDir()
	if err := os.Mkdir(filepath.Join(clone, "openwearables"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := install("--to", clone, "--signers", signers); err == nil || !strings.Contains(out, "openwearables is a folder") {
		t.Errorf("into the folder of a clone: %v %s", err, out)
	}
	if entries, err := os.ReadDir(clone); err != nil || len(entries) != 1 {
		t.Errorf("something was left in %v, %v", entries, err)
	}
	shell(t, folder, "echo more >>"+name+".tar.gz")
	refused("is not the one that SHA256SUMS names", "--signers", signers)
	shell(t, folder, "sha256sum -- *.tar.gz >SHA256SUMS")
	refused("is not the maintainers'", "--signers", signers)
	shell(t, folder, "rm SHA256SUMS.sig")
	refused("could not be downloaded", "--signers", signers)
	shell(t, folder, "sed -i s/"+runtime.GOARCH+"/none/ SHA256SUMS")
	refused("has nothing for")
}

// A script that is cut off on its way to a shell does nothing, and begins nothing.
func TestInstallScriptThatIsCutOff(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(root + "/server/deploy/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(script), "\n")
	for n := range len(lines) - 2 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, "sh", "-s", "--", "--from", "http://127.0.0.1:1", "--to", t.TempDir())
		cmd.Stdin = strings.NewReader(strings.Join(lines[:n], ""))
		cmd.WaitDelay = 5 * time.Second
		if out, _ := cmd.CombinedOutput(); strings.Contains(string(out), "install.sh:") {
			t.Errorf("the first %d lines: %s", n, out)
		}
		cancel()
	}
}
