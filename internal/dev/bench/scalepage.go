package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const scaleFile = "server/SCALE.md"

// What was measured stands between these lines of the page.
const (
	scaleBegins = "<!-- What `make scale` measured; it replaces this. -->\n"
	scaleEnds   = "<!-- The end of what it measured. -->\n"
)

// writeScale replaces what the page tells of the last run.
func (r *result) writeScale(root string, size int, once []moment) error {
	file := filepath.Join(root, scaleFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	told, err := replaceBetween(string(text), scaleFile, scaleBegins, scaleEnds, r.scaleTold(size, once))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(told), 0o644)
}

// scaleTold returns the tables of a run.
func (r *result) scaleTold(size int, once []moment) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s keys, %s users, %s sessions and %s days of usage, beside %s keys, users and so on, on one machine in\nthe same minutes: %s;\nfiles on %s; commit %s; %d rounds of slices of %s s; load average before it %s.\n\n",
		figure(float64(size)), figure(float64(size)), figure(float64(sessionsEach*size)), figure(float64(daysEach*min(size, countedKeys))), figure(fewRows),
		r.Machine, r.FileSystem, r.Commit, r.Rounds, figure(r.Slice), r.Load)
	fmt.Fprintf(&out, "| work | databases | clients | a second, %s | %s | ratio | p99 ms, %s | %s |\n|---|---|--:|--:|--:|--:|--:|--:|\n",
		figure(fewRows), figure(float64(size)), figure(fewRows), figure(float64(size)))
	var few row
	for _, one := range r.rows() {
		if len(one.floors) == 0 {
			few = one
			continue
		}
		fmt.Fprintf(&out, "| %s | %s | %d | %s | %s | %s | %s | %s |\n", one.name, one.on, one.clients, figure(few.rate), figure(one.rate),
			figure(one.ratios[0]), figure(few.median.P99/1000), figure(one.median.P99/1000))
	}
	fmt.Fprint(&out, "\n| what happens once | databases | keys | |\n|---|---|--:|---|\n")
	for _, m := range once {
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", m.name, m.on, figure(float64(m.size)), m.value)
	}
	fmt.Fprint(&out, "\n| users, who refresh once a day and read four times | calls a second at noon | processors of nodes | of PostgreSQL and Redis |\n|--:|--:|--:|--:|\n")
	refresh, read := r.median("refresh of any session", both), r.median("read with any key", both)
	for _, users := range []float64{1e6, 1e8, 1e9} {
		atNoon := func(micros float64) float64 { return noon * users * micros / 1e6 / (24 * time.Hour).Seconds() }
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", figure(users), figure(atNoon(callsADay*1e6)),
			figure(atNoon(refreshesADay*refresh.ServerCPU+readsADay*read.ServerCPU)),
			figure(atNoon(refreshesADay*refresh.DatabaseCPU+readsADay*read.DatabaseCPU)))
	}
	return out.String()
}
