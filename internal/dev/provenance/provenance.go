// Package provenance tells of which commit and on which machine something was
// measured, for the pages that hold what was.
package provenance

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// Commit is a commit of a repository.
type Commit struct {
	Name  string // when it was made and its hash, so that the older one sorts first; "" without git
	Dirty bool   // the tree has changes that are not committed
}

// CommitOf returns the commit of the repository at root. Changes of the files, named
// from there, do not count as such.
func CommitOf(root string, except ...string) Commit {
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", root}, args...)...)
		cmd.Env = append(os.Environ(), "TZ=UTC")
		out, _ := cmd.Output() // empty without git
		return strings.TrimSpace(string(out))
	}
	name := git("log", "-1", "--abbrev=12", "--format=%cd %h", "--date=format-local:%Y-%m-%d %H:%M")
	status := []string{"status", "--porcelain", "--untracked-files=no", "--", ":(top)"}
	for _, file := range except {
		status = append(status, ":(top,exclude)"+file)
	}
	return Commit{name, name == "" || git(status...) != ""}
}

// Machine describes this machine and what runs on it.
func Machine() string {
	versions := []string{runtime.Version(), service.PostgresVersion(), service.RedisVersion(), "Linux " + kernel()}
	return fmt.Sprintf("%d cores, %s", runtime.NumCPU(), strings.Join(versions, ", "))
}

// Processor returns the model of the processor, "" where it is not known.
func Processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // empty elsewhere
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return ""
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease") // empty elsewhere
	return strings.TrimSpace(string(text))
}
