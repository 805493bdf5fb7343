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

// proof is one promise and how it is put to the test.
type proof struct {
	name   string
	means  string // what a proved line says
	shapes []stack.Shape
	run    func(*trial) (check.Verdict, error)
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
	avoid int // how many of the first nodes get nothing but what is meant for them
}

// row is what came of a trial. Of a full run it is kept.
type row struct {
	Name, On string
	Sizes    string
	Result   string // "proved", "BROKEN", or "ERROR"
	Measured string
	Before   []string // what came of the trials before it, of the same commit, that proved nothing
	Took     time.Duration

	broken   int  // promises
	late     bool // they are all of times
	evidence []string
	stood    time.Duration // how long the machine stood still
	worst    time.Duration // and at a time
}

// told is what was measured, and what came before it.
func (r row) told() string {
	text := r.Measured
	for _, before := range r.Before {
		text += fmt.Sprintf("; run again after (%s)", before)
	}
	return text
}

// disturbed says whether the machine may have broken promises of time.
func (r row) disturbed() bool { return r.worst > disturbing || r.stood > r.Took/20 }

const (
	proved = "proved"
	broken = "BROKEN"
	failed = "ERROR"
)

func (r row) line() string {
	return fmt.Sprintf("%-7s %-18s %-16s %5.0f s  %s: %s", r.Result, r.Name, r.On, r.Took.Seconds(), r.Sizes, r.Measured)
}

// show prints the row, and what shows that it is not proved.
func (r row) show() {
	fmt.Println(r.line())
	for _, e := range r.evidence {
		fmt.Println("    " + e)
	}
}

// size chooses the number for the tier and notes it.
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

// carryOut runs the trial. Whatever happens, what it started has ended when it
// returns.
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

// judge runs the trial with a record in the file, and notes in the row how the
// machine was.
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
