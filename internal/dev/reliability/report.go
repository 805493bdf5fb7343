package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
	"github.com/openwearables/openwearables/internal/dev/service"
)

// report collects the rows of a run. A full run may be made in parts: earlier rows of
// the same commit are part of it.
type report struct {
	rows   []row
	root   string
	commit string // that was built
	tier   string
	kept   string // the file that keeps the rows of a full run
	lab    *stack.Lab
}

// keeping is the content of the file.
type keeping struct {
	Commit string
	Rows   []row
}

// load reads the rows of the same commit. A tree with changes has none.
func (r *report) load() error {
	text, err := os.ReadFile(r.kept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var k keeping
	if err = errors.Join(err, json.Unmarshal(text, &k)); err == nil && k.Commit == r.commit && !strings.HasSuffix(k.Commit, dirty) {
		r.rows = k.Rows
	}
	return err
}

// add adds a row or replaces its predecessor. In a full run the rows are saved, and
// the page is written once every proof has a row.
func (r *report) add(one row) error {
	same := func(o row) bool { return o.Name == one.Name && o.On == one.On }
	if i := slices.IndexFunc(r.rows, same); i >= 0 {
		old := r.rows[i]
		one.Before = old.Before
		if old.Result != proved {
			one.Before = append(one.Before, old.Result+": "+old.Measured)
		}
		r.rows[i] = one
	} else {
		r.rows = append(r.rows, one)
	}
	if r.tier != "full" {
		return nil
	}
	slices.SortStableFunc(r.rows, func(a, b row) int { return cmp.Compare(place(a), place(b)) })
	text, err := json.MarshalIndent(keeping{r.commit, r.rows}, "", "\t")
	if err == nil {
		err = os.WriteFile(r.kept, text, 0o644)
	}
	if err == nil && len(r.rows) == everything() && !r.broken() {
		err = r.write()
	}
	return err
}

// place returns the index of the row's proof.
func place(r row) int {
	return slices.IndexFunc(proofs, func(p proof) bool {
		return p.name == r.Name && slices.ContainsFunc(p.shapes, func(s stack.Shape) bool { return s.Name == r.On })
	})
}

// everything returns the number of rows of a whole run.
func everything() (n int) {
	for _, p := range proofs {
		n += len(p.shapes)
	}
	return n
}

// took returns how long the proofs took in all.
func (r *report) took() (sum time.Duration) {
	for _, row := range r.rows {
		sum += row.Took
	}
	return sum
}

func (r *report) broken() bool {
	for _, row := range r.rows {
		if row.Result != proved {
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f s\t%s\t%s\n", row.Name, row.On, row.Result, row.Took.Seconds(), row.Sizes, row.told())
	}
	fmt.Fprintf(w, "\t\t\t%.0f s\tin all\t\n", r.took().Seconds())
	_ = w.Flush() // to memory
	return out.String()
}

// dirty is the suffix of the commit of a tree with changes.
const dirty = " with changes that are not committed"

// commitOf returns the commit of the repository, with a suffix if the tree differs.
func commitOf(root string) string {
	git := func(args ...string) string {
		out, _ := exec.Command("git", append([]string{"-C", root}, args...)...).Output() // empty without git
		return strings.TrimSpace(string(out))
	}
	commit := git("rev-parse", "--short=12", "HEAD")
	if commit == "" {
		return "unknown"
	}
	if git("status", "--porcelain", "--untracked-files=no") != "" {
		commit += dirty
	}
	return commit
}

func (r *report) machine() string {
	versions := []string{runtime.Version(), service.PostgresVersion(), service.RedisVersion(), "Linux " + kernel()}
	return fmt.Sprintf("commit %s, %s tier, %d cores, %s", r.commit, r.tier, runtime.NumCPU(), strings.Join(versions, ", "))
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease") // empty elsewhere
	return strings.TrimSpace(string(text))
}

const preamble = `# Reliability

The promises about many nodes, crashes and outages, and the last full run of their proofs. ` + "`make reliability`" + ` runs it and writes this page once all is proved (` + "`internal/dev/reliability/run.sh -tier full -only NAME`" + ` runs a part of it again, for the same commit); the short tier is part of ` + "`make test`" + `.

%s; %s.

`

const method = `
## How

The real binary is started as 1 process on SQLite, and as 1 and 3 processes on PostgreSQL (fsync on) and Redis, in data directories of their own, with a proxy before PostgreSQL and Redis that can refuse, delay or drop traffic. Clients in another process record every call with its start, its end and its answer, by one monotonic clock. Checkers that share no code with the server decide from that record, and for durability from the tables too. No violation of safety is excused.

An answer of 503 with Retry-After leaves the outcome open: it is neither an acceptance nor a refusal. The clients repeat the call, as the README tells them to; a burst, a family of calls or a round of a limit in which it happened is repeated, and the line says how often. Under *revocation* at most one use in a hundred may meet it, under an attack (*against-…*) one call in a hundred of each kind, under *soak* one call in a thousand, and only while the machine stood still. Under *rolling*, under *outages* outside a fault, and for the health endpoints it is a failure.

The record also has the times when the machine itself stood still: when the clients were woken more than 100 ms late, and when the kernel reports that over a quarter of a processor's time was stolen by other machines on the same host. They are subtracted from the time of an answer. Where answers came late, or were 503 for lack of time, on a machine that stood still for more than 250 ms at a time or a twentieth of the time, and nothing else was wrong, a proof is repeated, twice at most, when the machine is calm again or after two minutes. The line of a proof names the earlier results, whether it was repeated like this or by hand.

## What each line means

`

// write writes the page.
func (r *report) write() error {
	var out bytes.Buffer
	fmt.Fprintf(&out, preamble, strings.ToUpper(r.machine()[:1])+r.machine()[1:], fmt.Sprintf("%.0f minutes", r.took().Minutes()))
	fmt.Fprintln(&out, "| proof | on | result | size | measured |\n|---|---|---|---|---|")
	for _, row := range r.rows {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", row.Name, row.On, row.Result, row.Sizes, row.told())
	}
	fmt.Fprint(&out, method)
	seen := make(map[string]bool)
	for _, p := range proofs {
		if !seen[p.name] {
			seen[p.name] = true
			fmt.Fprintf(&out, "- **%s**: %s\n", p.name, p.means)
		}
	}
	fmt.Fprint(&out, "\n## What is not proved here\n\n"+open)
	return os.WriteFile(filepath.Join(r.root, "server", "RELIABILITY.md"), out.Bytes(), 0o644)
}

const open = `- Windows of limits under wrong clocks: they go by Redis' clock, which ` + "`internal/cluster`" + ` tests with nodes whose clocks are an hour apart.
- Power loss of PostgreSQL: kill -9 leaves the kernel's cache in place; that a sync precedes every answer is its ` + "`fsync`" + `. A disk that says that it has synced and has not.
- Several machines: all processes share one machine and one network stack.
`
