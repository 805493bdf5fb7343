package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/openwearables/openwearables/internal/dev/provenance"
)

// report collects the rows of a run. A full run adds them to the page at once.
type report struct {
	rows   []row
	page   string            // the file
	commit provenance.Commit // that was built
	tier   string
}

// add adds a row, or replaces its predecessor of this run or, in a full run, of the page.
// It tells of a predecessor of the same commit that did not prove it.
func (r *report) add(one row) error {
	one.Commit = r.commit.Name
	if r.tier != "full" {
		r.rows = put(r.rows, one)
		return nil
	}
	p, err := readPage(r.page)
	if err != nil {
		return err
	}
	p.machine = provenance.Machine()
	p.rows = put(p.rows, one)
	r.rows = put(r.rows, p.rows[slices.IndexFunc(p.rows, one.replaces)])
	return p.write(r.page)
}

// put returns the rows with one, which replaces its predecessor.
func put(rows []row, one row) []row {
	i := slices.IndexFunc(rows, one.replaces)
	if i < 0 {
		return append(rows, one)
	}
	if old := rows[i]; old.Commit == one.Commit {
		one.Before = old.Before
		if old.Result != proved {
			one.Before = append(slices.Clone(old.Before), old.Result+": "+old.Measured)
		}
	}
	rows[i] = one
	return rows
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
	sum := 0.0
	for _, row := range r.rows {
		sum += row.Took.Seconds()
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f s\t%s\t%s\n", row.Name, row.On, row.Result, row.Took.Seconds(), row.Sizes, row.told())
	}
	fmt.Fprintf(w, "\t\t\t%.0f s\tin all\t\n", sum)
	_ = w.Flush() // to memory
	return out.String()
}

// pageFile is the page, in the repository.
const pageFile = "server/RELIABILITY.md"

var errDirty = errors.New("the full tier proves a commit: commit your changes first, or run the short tier")

func (r *report) about() string {
	text := fmt.Sprintf("commit %s, %s tier, %s", r.commit.Name, r.tier, provenance.Machine())
	if r.commit.Dirty {
		text += ", with changes that are not committed"
	}
	return text
}
