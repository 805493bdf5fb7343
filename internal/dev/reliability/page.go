package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// page is what the page holds of full runs. The page itself keeps it.
type page struct {
	rows    []row
	machine string // of the last run
}

const preamble = `# Reliability

The promises about many nodes, crashes, outages and hostile callers, and the last full run of each proof. ` + "`make reliability`" + ` runs them all, and ` + "`internal/dev/reliability/run.sh -tier full -only NAME`" + ` one of them; both replace the rows of what they ran in this page. The short tier is part of ` + "`make test`" + `.

%s The last run was on %s.

`

// columns are the columns of the table.
var columns = []string{"proof", "on", "result", "size", "measured", "commit"}

const (
	notYet  = "not yet run"
	lastRun = " The last run was on "
	again   = "; run again after ("
)

// readPage reads the page. A row of what is no proof any more is left out.
func readPage(file string) (p page, _ error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	} else if err != nil {
		return p, err
	}
	inTable := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if _, machine, ok := strings.Cut(line, lastRun); ok && !inTable {
			p.machine = strings.TrimSuffix(machine, ".")
		}
		cells := cellsOf(line)
		switch {
		case slices.Equal(cells, columns):
			inTable = true
		case !inTable || len(cells) > 0 && strings.HasPrefix(cells[0], "---"):
		case cells == nil: // after the table
			return p, nil
		case len(cells) != len(columns):
			return p, fmt.Errorf("%s: a row has %d cells, want %d: %s", file, len(cells), len(columns), line)
		case cells[2] != notYet && isProof(cells[0], cells[1]):
			told := strings.Split(cells[4], again)
			r := row{Name: cells[0], On: cells[1], Result: cells[2], Sizes: cells[3], Measured: told[0], Commit: cells[5]}
			for _, before := range told[1:] {
				r.Before = append(r.Before, strings.TrimSuffix(before, ")"))
			}
			p.rows = append(p.rows, r)
		}
	}
	if !inTable {
		return p, fmt.Errorf("%s has no table of proofs", file)
	}
	return p, nil
}

func isProof(name, on string) bool {
	for _, p := range proofs {
		for _, shape := range p.shapes {
			if p.name == name && shape.Name == on {
				return true
			}
		}
	}
	return false
}

// cellsOf returns the cells of a line of a table, nil for another line.
func cellsOf(line string) []string {
	if len(line) < 2 || !strings.HasPrefix(line, "|") || !strings.HasSuffix(line, "|") {
		return nil
	}
	cells := strings.Split(line[1:len(line)-1], "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// cell returns the text without what would end its cell.
func cell(text string) string { return strings.NewReplacer("|", "/", "\n", " ").Replace(text) }

// write writes the page, with a row for each proof in their order.
func (p page) write(file string) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, preamble, p.commits(), p.machine)
	fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, proof := range proofs {
		for _, shape := range proof.shapes {
			r := row{Name: proof.name, On: shape.Name, Result: notYet}
			if i := slices.IndexFunc(p.rows, r.replaces); i >= 0 {
				r = p.rows[i]
			}
			cells := []string{r.Name, r.On, r.Result, r.Sizes, r.told(), r.Commit}
			for i := range cells {
				cells[i] = cell(cells[i])
			}
			fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	fmt.Fprint(&out, method)
	seen := make(map[string]bool)
	for _, proof := range proofs {
		if !seen[proof.name] {
			seen[proof.name] = true
			fmt.Fprintf(&out, "- **%s**: %s\n", proof.name, proof.means)
		}
	}
	fmt.Fprint(&out, "\n## What is not proved here\n\n"+open)
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// commits tells of which commits the rows are.
func (p page) commits() string {
	var names []string
	for _, r := range p.rows {
		names = append(names, r.Commit)
	}
	if len(names) == 0 {
		return "Nothing is proved yet."
	}
	oldest, newest := slices.Min(names), slices.Max(names)
	if oldest == newest {
		return "All rows are of the commit " + newest + "."
	}
	return "The rows are of commits from " + oldest + " to " + newest + ": a row of an older commit says what held at that commit, not since."
}

const method = `
## How

The real binary is started as 1 process on SQLite, and as 1 and 3 processes on PostgreSQL (fsync on) and Redis, in data directories of their own, with a proxy before PostgreSQL and Redis that can refuse, delay or drop traffic. Clients in another process record every call with its start, its end and its answer, by one monotonic clock. Checkers that share no code with the server decide from that record, and for durability from the tables too. No violation of safety is excused.

An answer of 503 with Retry-After leaves the outcome open: it is neither an acceptance nor a refusal. The clients repeat the call, as the README tells them to; a burst, a family of calls or a round of a limit in which it happened is repeated, and the line says how often. Under *revocation* at most one use in a hundred may meet it, under an attack (*against-…*) one call in a hundred of each kind, under *soak* one call in a thousand, and only while the machine stood still. Under *rolling*, under *outages* outside a fault, and for the health endpoints it is a failure.

The record also has the times when the machine itself stood still: when the clients were woken more than 100 ms late, and when the kernel reports that over a quarter of a processor's time was stolen by other machines on the same host. They are subtracted from the time of an answer. Where answers came late, or were 503 for lack of time, on a machine that stood still for more than 250 ms at a time or a twentieth of the time, and nothing else was wrong, a proof is repeated, twice at most, when the machine is calm again or after two minutes. The line of a proof names the earlier results, whether it was repeated like this or by hand.

## What each line means

`

const open = `- Windows of limits under wrong clocks: they go by Redis' clock, which ` + "`internal/cluster`" + ` tests with nodes whose clocks are an hour apart.
- Power loss of PostgreSQL: kill -9 leaves the kernel's cache in place; that a sync precedes every answer is its ` + "`fsync`" + `. A disk that says that it has synced and has not.
- Several machines: all processes share one machine and one network stack.
`
