package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openwearables/openwearables/internal/prove/stack"
)

// report shows what came of a run.
type report struct {
	rows []row
	root string
	tier string
	took time.Duration
	lab  *stack.Lab
}

func (r *report) broken() bool {
	for _, row := range r.rows {
		if row.result != proved {
			return true
		}
	}
	return len(r.rows) == 0
}

func (r *report) table() string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROOF\tON\tRESULT\tTIME\tSIZE\tMEASURED")
	for _, row := range r.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f s\t%s\t%s\n", row.name, row.on, row.result, row.took.Seconds(), row.sizes, row.measured)
	}
	fmt.Fprintf(w, "\t\t\t%.0f s\tin all\t\n", r.took.Seconds())
	_ = w.Flush() // to memory
	return out.String()
}

// commit is what was proved, and whether the tree differed from it.
func (r *report) commit() string {
	git := func(args ...string) string {
		out, _ := exec.Command("git", append([]string{"-C", r.root}, args...)...).Output() // empty without git
		return strings.TrimSpace(string(out))
	}
	commit := git("rev-parse", "--short=12", "HEAD")
	if commit == "" {
		return "unknown"
	}
	if git("status", "--porcelain", "--untracked-files=no") != "" {
		commit += " with changes that are not committed"
	}
	return commit
}

func (r *report) machine() string {
	versions := []string{runtime.Version()}
	if p, err := r.lab.Postgres(); err == nil {
		versions = append(versions, p.Version())
	}
	versions = append(versions, (*stack.Redis)(nil).Version(), "Linux "+kernel())
	return fmt.Sprintf("commit %s, %s tier, %d cores, %s", r.commit(), r.tier, runtime.NumCPU(), strings.Join(versions, ", "))
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease") // empty elsewhere
	return strings.TrimSpace(string(text))
}

const preamble = `# Reliability

What is promised about many nodes, crashes and outages, and the last run of its proof. ` + "`make prove`" + ` runs it and writes this page; a smaller version is part of ` + "`make test`" + `.

%s; %s.

`

const method = `
## How

The real binary is started as 1 process on SQLite, and as 1 and 3 processes on PostgreSQL (fsync on) and Redis, in data directories of their own, with a proxy before PostgreSQL and Redis that can refuse, delay or swallow what passes. Clients in another process record every call with its start, its end and its answer, by one monotonic clock. A time when the machine itself stood still, so that the clients were woken more than 100 ms late, is in the record too and is not counted against an answer that it fell into. Where answers came late, or were 503 for lack of time, while the machine stood still for more than 250 ms, and nothing else was wrong, a proof is repeated, twice at most, and its row says so. What is proved is decided from that record, and for durability from the tables too, by code that shares nothing with the server.

## What each line means

`

// write writes the page.
func (r *report) write() error {
	var out bytes.Buffer
	fmt.Fprintf(&out, preamble, strings.ToUpper(r.machine()[:1])+r.machine()[1:], fmt.Sprintf("%.0f minutes", r.took.Minutes()))
	fmt.Fprintln(&out, "| proof | on | result | size | measured |\n|---|---|---|---|---|")
	for _, row := range r.rows {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", row.name, row.on, row.result, row.sizes, row.measured)
	}
	fmt.Fprint(&out, method)
	seen := make(map[string]bool)
	for _, row := range r.rows {
		if !seen[row.name] {
			seen[row.name] = true
			fmt.Fprintf(&out, "- **%s**: %s\n", row.name, row.means)
		}
	}
	fmt.Fprint(&out, "\n## What is not proved here\n\n"+open)
	return os.WriteFile(filepath.Join(r.root, "server", "RELIABILITY.md"), out.Bytes(), 0o644)
}

const open = `- Node clocks: a program written in Go reads its clock past what could shift it from outside. The windows go by Redis' clock, which ` + "`internal/cluster`" + ` tests with nodes whose clocks are an hour apart.
- Power loss of PostgreSQL: kill -9 leaves the kernel's cache in place; that a sync precedes every answer is its ` + "`fsync`" + `. A disk that says that it has synced and has not.
- Several machines: all processes share one machine and one network stack.
`
