package openwearables_test

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

var setupAddress = regexp.MustCompile(`open (http://\S+)/setup#(\S+)`)

// Setup makes the first developer of a new installation, once, and signs it in.
func TestSetupCreatesTheFirstDeveloper(t *testing.T) {
	t.Parallel()
	database := "--database=sqlite:" + filepath.Join(t.TempDir(), "new.db")
	cmd := exec.CommandContext(t.Context(), world.program, "serve", "--addr=127.0.0.1:0", "--log-level=error", database)
	cmd.Env = serverEnv()
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}()
	var shown []string
	for lines := bufio.NewScanner(out); shown == nil; {
		if !lines.Scan() {
			t.Fatal("the server printed no setup address")
		}
		shown = setupAddress.FindStringSubmatch(lines.Text())
	}
	base, token := shown[1], shown[2]

	if _, err := openwearables.Setup(t.Context(), base, "wrong", "Ada@example.com", world.password); !openwearables.IsUnauthenticated(err) {
		t.Errorf("with a wrong token: %v", err)
	}
	dev, err := openwearables.Setup(t.Context(), base, token, "Ada@example.com", world.password)
	check(t, err)
	me, err := dev.Sessions.Me(t.Context())
	check(t, err)
	if me.GetEmail() != "Ada@example.com" {
		t.Errorf("signed in as %v", me)
	}
	if _, err := openwearables.Setup(t.Context(), base, token, "b@example.com", world.password); !openwearables.IsUnauthenticated(err) {
		t.Errorf("a second time: %v", err)
	}
	_, err = openwearables.Login(t.Context(), base, "ada@example.com", world.password)
	check(t, err)
}
