package main_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A real bash completes what it is given, without a database and without a trace.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	i := install(t)
	for typed, want := range map[string]string{
		"openwearables sig":                          "signing-key",
		"openwearables developer ":                   "create delete disable enable list set-password",
		"openwearables developer set-password --pas": "--password-min --password-stdin",
		"openwearables serve --dev --sec":            "--secret-file",
		"openwearables serve --addr 1 --quota-w":     "--quota-workout-bytes --quota-workouts",
		"openwearables com":                          "completion",
		"openwearables nothing ":                     "",
	} {
		script := `source <(openwearables completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _openwearables; echo "${COMPREPLY[*]}"`
		ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", script, "bash"}, strings.Split(typed, " ")...)...)
		cmd.Dir, cmd.WaitDelay = i.folder, pipeTimeout
		cmd.Env = append(i.env, "PATH="+filepath.Dir(binary)+":/usr/bin:/bin")
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != want {
			t.Errorf("%q is completed by %q, want %q (%v)", typed, got, want, err)
		}
	}
	if o := i.run("", "completion", "csh"); o.status != 2 || !strings.Contains(o.stderr, "the name of the shell, bash") {
		t.Errorf("csh: %d %s", o.status, o.stderr)
	}
	if entries, err := filepath.Glob(i.path("*")); err != nil || len(entries) != 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}
