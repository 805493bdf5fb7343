package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/record"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// proof is one promise and its test.
type proof struct {
	name     string
	means    string // the meaning of a proved line
	shapes   []stack.Shape
	thorough bool // only in the full tier, or where it is named
	run      func(*trial) (check.Verdict, error)
}

// trial is one proof on one shape.
type trial struct {
	proof
	ctx   context.Context
	lab   *stack.Lab
	full  bool
	shape stack.Shape

	log   *record.Recorder
	stack *stack.Stack
	sizes []string
	avoid int // so many of the first nodes only get calls by to
}

// row is the result of a trial. The page keeps those of full runs.
type row struct {
	Name, On string
	Commit   string
	Sizes    string
	Result   string // "proved", "BROKEN", or "ERROR"
	Measured string
	Before   []string // results of earlier trials of the same commit that did not prove it
	Took     time.Duration

	broken   int  // promises
	late     bool // they are all of times
	evidence []string
	stood    time.Duration // how long the machine stood still
	worst    time.Duration // and at a time
}

// told returns what was measured, and the results that it replaces.
func (r row) told() string {
	text := r.Measured
	for _, before := range r.Before {
		text += again + before + ")"
	}
	return text
}

// replaces reports whether the other row is of the same proof on the same shape.
func (r row) replaces(o row) bool { return r.Name == o.Name && r.On == o.On }

// disturbed reports whether the machine may have broken promises of time.
func (r row) disturbed() bool { return r.worst > disturbing || r.stood > r.Took/20 }

const (
	proved = "proved"
	broken = "BROKEN"
	failed = "ERROR"
)

func (r row) line() string {
	return fmt.Sprintf("%-7s %-18s %-16s %5.0f s  %s: %s", r.Result, r.Name, r.On, r.Took.Seconds(), r.Sizes, r.Measured)
}

// show prints the row and its evidence.
func (r row) show() {
	fmt.Println(r.line())
	for _, e := range r.evidence {
		fmt.Println("    " + e)
	}
}

// size returns the number for the tier and adds it to the row.
func (t *trial) size(short, full int, of string) int {
	n := short
	if t.full {
		n = full
	}
	t.sizes = append(t.sizes, fmt.Sprint(n, " ", of))
	return n
}

// start starts the trial's stack.
func (t *trial) start(flags ...string) (err error) {
	t.stack, err = t.lab.New(t.shape, flags...)
	return err
}

// carryOut runs the trial and returns its row. Everything that it started has ended
// when it returns.
func (t *trial) carryOut(records string) (r row) {
	begun := time.Now()
	r = row{Name: t.name, On: t.shape.Name}
	kept := filepath.Join(records, t.name+"-"+strings.Map(plain, t.shape.Name))
	v, err := t.judge(kept+".jsonl", &r)
	if t.stack != nil {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, last(t.stack.Log(), 1500))
		}
		err = errors.Join(err, os.WriteFile(kept+".log", []byte(t.stack.Log()), 0o600))
		t.stack.Close()
	}
	r.Took, r.Sizes, r.Measured = time.Since(begun), strings.Join(t.sizes, ", "), strings.Join(v.Counts, "; ")
	if r.disturbed() {
		r.Measured += fmt.Sprintf("; the machine stood still for %.1f s, %d ms at a time", r.stood.Seconds(), r.worst.Milliseconds())
	}
	r.evidence, r.broken, r.late = v.Evidence, v.Broken, v.Late == v.Broken
	switch {
	case err != nil:
		r.Result, r.evidence = failed, append(r.evidence, err.Error())
	case v.Broken > 0:
		r.Result, r.Measured = broken, fmt.Sprintf("%d broken; %s", v.Broken, r.Measured)
	default:
		r.Result = proved
	}
	return r
}

// judge runs the trial with a record in the file, and sets in the row for how long
// the machine stood still.
func (t *trial) judge(file string, r *row) (v check.Verdict, err error) {
	if t.log, err = record.New(file); err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, t.log.Close()) }()
	worst := watchStalls(t.log)
	v, err = t.run(t)
	r.worst = worst()
	calls, unread := t.log.Read()
	r.stood = check.Standstill(calls)
	return v, errors.Join(err, unread)
}

func plain(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
		return c
	}
	return '-'
}

func last(text string, n int) string { return text[max(0, len(text)-n):] }
