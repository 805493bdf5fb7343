package main_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// The help of every command is a file, so that a change of it is seen.
func TestHelpOfEveryCommand(t *testing.T) {
	t.Parallel()
	i := install(t)
	all := i.ok("", "--help")
	var text strings.Builder
	text.WriteString("$ openwearables --help\n" + all)
	for _, m := range regexp.MustCompile(`(?m)^  openwearables (\S+(?: \S+)*)  `).FindAllStringSubmatch(all, -1) {
		text.WriteString("\n$ openwearables " + m[1] + " --help\n" + i.ok("", append(strings.Fields(m[1]), "--help")...))
	}
	golden(t, "help.txt", text.String())
	if entries, err := os.ReadDir(i.folder); err != nil || len(entries) != 0 {
		t.Errorf("help left %v, %v", entries, err)
	}
}

// golden compares the text with that of a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != text {
		t.Errorf("%s is not what the program prints (%v): see the difference by go test ./server/cmd/openwearables -run %s -update", path, err, t.Name())
	}
}

// A word that is no command is refused with what was meant, also in a group and with flags.
func TestUnknownCommandsAreRefused(t *testing.T) {
	t.Parallel()
	i := install(t)
	for typed, said := range map[string]string{
		"serv":                       `there is no command "serv" (did you mean serve or user?); see openwearables --help`,
		"developer craete --email a": `there is no command "developer craete" (did you mean create?); see openwearables developer --help`,
		"developer":                  "say which command",
		"developer --email a":        "flag provided but not defined: --email; see openwearables developer --help",
		"--database x":               "flag provided but not defined: --database; see openwearables --help",
		"help developer crate":       `no command "developer crate" (did you mean create?)`,
		"developer list -database":   "flag needs an argument: --database",
		"developer list everybody":   `developer list takes no argument "everybody"`,
		"signing-key rotate --kid=a": "flag provided but not defined: -kid; see openwearables signing-key rotate --help",
		"serve --dev=perhaps":        `must be true or false; see openwearables serve --help`,
		"serve --limit-key many":     "must be a whole number",
		"zzz":                        `there is no command "zzz"; see openwearables --help`,
	} {
		o := i.run("", strings.Fields(typed)...)
		if o.status != 2 || o.stdout != "" || !strings.Contains(o.stderr, said) {
			t.Errorf("%q ended with %d, not %q: %s%s", typed, o.status, said, o.stdout, o.stderr)
		}
	}
	for _, typed := range []string{"developer help", "developer -h", "help developer", "developer --help", "developer -help"} {
		if o := i.ok("", strings.Fields(typed)...); !strings.Contains(o, "openwearables developer set-password  ") || strings.Contains(o, "serve") {
			t.Errorf("%q said %s", typed, o)
		}
	}
	// One dash is enough, as it has always been.
	if o := i.run("", "serve", "-addr=8000", "--check"); o.status != 1 || !strings.Contains(o.stdout+o.stderr, `--addr "8000" must be HOST:PORT`) {
		t.Errorf("one dash: %d %s%s", o.status, o.stdout, o.stderr)
	}
}
