package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shellBlock matches a block of shell of a guide that is run, and its name.
var shellBlock = regexp.MustCompile("(?ms)^```sh (\\w+)\n(.*?)^```$")

// guideBlocks are what the blocks of shell in server/docs print, by guide and name.
var guideBlocks = map[string]map[string]string{
	"getting-started": {"first": `"items":[{"id":"`, "workouts": `"start_time":`},
	"backend":         {"key": `"key":"ow_live_`, "repeat": "dempotent-Replayed: true", "rotate": `"previous_expires_at":null`},
	"gateway":         {"verify": `"valid":true`, "introspect": `"active":true`},
	"limits":          {"headers": `"key";r=`},
	"errors":          {"refused": `"reason":"invalid_api_key"`},
	"command-line": {
		"version": "openwearables scan", "developers": "grace@example.com", "checks": "", "person": "\n", "copies": "", "leaks": "",
		"completion": "",
	},
	"upgrading": {"before": "openwearables", "after": ""},
}

// TestGuidesRun runs each block of shell of the guides, those of one guide in one shell,
// beside a server whose lines were pasted as the guides say.
func TestGuidesRun(t *testing.T) {
	guides, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(guides) < 10 {
		t.Fatalf("%d guides, %v", len(guides), err)
	}
	for _, file := range guides {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		guide := strings.TrimSuffix(filepath.Base(file), ".md")
		blocks := shellBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) != len(guideBlocks[guide]) {
			t.Errorf("%s has %d blocks of shell, and %d are known", guide, len(blocks), len(guideBlocks[guide]))
		}
		if len(blocks) > 0 {
			t.Run(guide, func(t *testing.T) { runBlocks(t, guideBlocks[guide], blocks) })
		}
	}
}

// runBlocks runs blocks one after the other, and checks what each prints.
func runBlocks(t *testing.T, want map[string]string, blocks [][]string) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the guides need %s: install it", tool)
		}
	}
	i := install(t)
	p := i.serve("--dev", "--database", "sqlite:openwearables.db")
	var script strings.Builder
	for _, block := range blocks {
		script.WriteString("{\n" + block[2] + "} >" + block[1] + ".out\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script.String())
	cmd.Dir, cmd.WaitDelay = i.folder, pipeTimeout
	cmd.Env = append(i.env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "OPENWEARABLES_ADDR="+strings.TrimPrefix(p.url, "http://"))
	for name, value := range p.exports() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the guide ended with %v:\n%s", err, said)
	}
	for _, block := range blocks {
		expected, known := want[block[1]]
		printed, err := os.ReadFile(i.path(block[1] + ".out"))
		if err != nil || !known || !strings.Contains(string(printed), expected) {
			t.Errorf("%s prints %q, %v; want %q", block[1], printed, err, expected)
		}
	}
}
