package remote

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/openwearables/openwearables/gen/openapi"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/commandline"
)

var update = flag.Bool("update", false, "write the golden file")

// Every operation of the contract is a command, with a flag for each member of its request,
// and none that would hold a secret.
func TestEveryOperationIsACommand(t *testing.T) {
	t.Parallel()
	var contract []string
	for _, m := range regexp.MustCompile(`(?m)^      operationId: (\w+)$`).FindAllSubmatch(openapi.Spec, -1) {
		contract = append(contract, string(m[1]))
	}
	api := (&Commands{}).API([]string{"api"})
	var commands []string
	for _, o := range operations() {
		commands = append(commands, o.id())
		c, rest, err := api.Find([]string{o.group, o.name})
		if err != nil || len(rest) > 0 || c.Annotations["operation"] != o.id() {
			t.Fatalf("api %s %s is %v, not %s", o.group, o.name, c, o.id())
		}
		fields := o.method.Input().Fields()
		for i := range fields.Len() {
			name := strings.ReplaceAll(string(fields.Get(i).Name()), "_", "-")
			switch {
			case name == "update-mask":
				name = "clear"
			case isSecret(fields.Get(i)):
				if c.Flags().Lookup(name) != nil {
					t.Errorf("%s takes --%s on the command line", o.id(), name)
				}
				name += "-file"
			}
			if c.Flags().Lookup(name) == nil {
				t.Errorf("%s has no --%s", o.id(), name)
			}
		}
		if text := documentOf(o.id()); text.summary == "" {
			t.Errorf("%s has no summary", o.id())
		}
	}
	slices.Sort(contract)
	slices.Sort(commands)
	if !slices.Equal(contract, commands) || len(contract) < 70 {
		t.Errorf("the contract has %q,\nthe commands are %q", contract, commands)
	}
	for _, id := range watched {
		if !slices.Contains(contract, id) {
			t.Errorf("%s, which is watched, is no operation", id)
		}
	}
}

// A command takes an Idempotency-Key where the contract does. Only a key of the caller's own
// goes with a refresh: whoever sends two for one token has lost the session.
func TestCommandsTakeTheKeysOfTheContract(t *testing.T) {
	t.Parallel()
	var s spec
	if err := yaml.Unmarshal(openapi.Spec, &s); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, path := range s.Paths {
		for _, o := range path {
			want := slices.ContainsFunc(o.Parameters, func(p parameter) bool { return last(p.Ref) == "IdempotencyKey" })
			if want {
				taken++
			}
			c := (&Commands{}).operationCommand(named(o.ID), "called", "")
			if f := c.Flags().Lookup("idempotency-key"); (f != nil) != want {
				t.Errorf("%s has the flag %v, want %v", o.ID, f != nil, want)
			}
		}
	}
	if taken < 15 {
		t.Errorf("the contract has %d operations that take a key", taken)
	}
}

// The help of every operation is a file, so that a change of it is seen.
func TestHelpOfEveryOperation(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := commandline.Group("openwearables", "is tested", (&Commands{}).API([]string{"api"}))
	commandline.Configure(root)
	root.SetOut(&out)
	var print func(c *cobra.Command)
	print = func(c *cobra.Command) {
		out.WriteString("$ " + c.CommandPath() + " --help\n")
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
		for _, sub := range c.Commands() {
			print(sub)
		}
	}
	api, _, err := root.Find([]string{"api"})
	if err != nil {
		t.Fatal(err)
	}
	print(api)
	text := strings.ReplaceAll(out.String(), aboutRemote, "")
	const path = "testdata/help.txt"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != text {
		t.Errorf("%s is not what is printed (%v): see the difference by go test ./server/remote -run HelpOfEvery -update", path, err)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-03-01T09:00:00+01:00": "2026-03-01T08:00:00Z", "2026-03-02": "2026-03-02T00:00:00Z",
		"+24h": "2026-03-02T08:00:00Z", "-90m": "2026-03-01T06:30:00Z",
		"24h": "", "tomorrow": "", "": "", "2026-02-30": "",
	} {
		got, err := parseTime(text, now)
		if (err != nil) != (want == "") || err == nil && got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q is %v, %v, want %q", text, got, err, want)
		}
	}
}

// What a terminal would obey is printed neither in tables nor in JSON, which stays the same
// value.
func TestOutputHoldsNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	name := "a\x1b[31m\u009b1m\u202eb\n\U000e0001ä\x7f"
	user := &owv1.User{Id: "x", FirstName: &name}
	for _, indent := range []string{"", "  "} {
		text, err := asJSON(user.ProtoReflect(), indent)
		if err != nil {
			t.Fatal(err)
		}
		if got := commandline.PrintableLines(string(text)); got != string(text) {
			t.Errorf("%q is in the JSON", text)
		}
		var back struct {
			FirstName string `json:"first_name"`
		}
		if err := json.Unmarshal(text, &back); err != nil || back.FirstName != name {
			t.Errorf("%s is %q, %v", text, back.FirstName, err)
		}
	}
	var out bytes.Buffer
	if err := (&printer{format: "table"}).print(&out, (&owv1.CreateUserResponse{User: user}).ProtoReflect()); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != commandline.PrintableLines(got) || !strings.Contains(got, "a·[31m·1m·b··ä·") {
		t.Errorf("%q is in the table", got)
	}
}

// The columns of every response are known, so that a misspelled one is not an empty table.
func TestColumnsAreKnown(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		known := columnsOf(o.method.Output())
		if o.pages() && len(known) < 3 {
			t.Errorf("%s has the columns %q", o.id(), known)
		}
		for _, name := range []string{"created-at", "nosuch"} {
			p := printer{format: "table", columns: []string{name}}
			err := p.check(o.method.Output())
			if want := len(known) > 0 && !slices.Contains(known, column(name)); (err != nil) != want {
				t.Errorf("%s takes the column %s: %v", o.id(), name, err)
			}
		}
	}
}
