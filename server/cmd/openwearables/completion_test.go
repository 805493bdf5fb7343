package main_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shell runs the script in the named shell, which finds the program on its path. The
// words are its arguments.
func (i *installation) shell(name, script string, words ...string) string {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), requestTimeout)
	defer cancel()
	args := []string{"-c", script}
	if name == "bash" {
		args = append(args, name)
	}
	cmd := exec.CommandContext(ctx, name, append(args, words...)...)
	cmd.Dir, cmd.WaitDelay = i.folder, pipeTimeout
	cmd.Env = append(slices.Clone(i.env), "PATH="+filepath.Dir(binary)+":/usr/bin:/bin", "HOME="+i.t.TempDir()) // without settings of the one who tests
	out, err := cmd.CombinedOutput()
	if err != nil {
		i.t.Errorf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// completions are what may follow the words that were typed.
var completions = map[string]string{
	"openwearables sig":                          "signing-key",
	"openwearables developer ":                   "create delete disable enable list set-password",
	"openwearables developer set-password --pas": "--password-min --password-stdin",
	"openwearables serve --dev --sec":            "--secret-file",
	"openwearables serve --addr 1 --quota-w":     "--quota-workout-bytes --quota-workouts",
	"openwearables com":                          "completion",
	"openwearables nothing ":                     "",
}

// A real bash completes what it is given, without a database and without a trace.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	i := install(t)
	const script = `source /usr/share/bash-completion/bash_completion; source <(openwearables completion bash)
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
		compopt() { :; }; __start_openwearables; printf '%s\n' "${COMPREPLY[@]}"`
	for typed, want := range completions {
		if got := offered(i.shell("bash", script, strings.Split(typed, " ")...), " "); got != want {
			t.Errorf("%q is completed by %q, want %q", typed, got, want)
		}
	}
	if o := i.run("", "completion", "csh"); o.status != 2 || !strings.Contains(o.stderr, "bash or zsh or fish") {
		t.Errorf("csh: %d %s", o.status, o.stderr)
	}
	if entries, err := filepath.Glob(i.path("*")); err != nil || len(entries) != 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}

// offered returns the words of the lines, sorted, without what explains them.
func offered(lines, explained string) string {
	var words []string
	for line := range strings.Lines(lines) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), explained); word != "" {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestFishCompletes(t *testing.T) {
	t.Parallel()
	i := install(t)
	for typed, want := range completions {
		if want == "" {
			continue // fish offers files
		}
		got := i.shell("fish", "openwearables completion fish | source; complete --do-complete '"+typed+"'")
		if got := offered(got, "\t"); got != want {
			t.Errorf("%q is completed by %q, want %q", typed, got, want)
		}
	}
}

func TestZshTakesTheCompletion(t *testing.T) {
	t.Parallel()
	got := install(t).shell("zsh", "autoload -U compinit; compinit -D -u; source <(openwearables completion zsh); print ${_comps[openwearables]}")
	if got != "_openwearables\n" {
		t.Errorf("it completes by %q", got)
	}
}
