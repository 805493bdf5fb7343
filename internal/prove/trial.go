package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/prove/check"
	"github.com/openwearables/openwearables/internal/prove/record"
	"github.com/openwearables/openwearables/internal/prove/stack"
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

// row is what came of a trial.
type row struct {
	name, on string
	sizes    string
	result   string // "proved", "BROKEN", or "ERROR"
	broken   int    // promises
	late     bool   // they are all of times
	measured string
	evidence []string
	took     time.Duration
	stalled  time.Duration // the worst time for which the machine stood still
	means    string
}

const (
	proved = "proved"
	broken = "BROKEN"
	failed = "ERROR"
)

func (r row) line() string {
	return fmt.Sprintf("%-7s %-18s %-16s %5.0f s  %s: %s", r.result, r.name, r.on, r.took.Seconds(), r.sizes, r.measured)
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

// prove runs the trial. Whatever happens, what it started has ended when it
// returns.
func (t *trial) prove(records string) (r row) {
	begun := time.Now()
	r = row{name: t.name, on: t.shape.Name, means: t.means}
	var err error
	kept := filepath.Join(records, t.name+"-"+strings.Map(plain, t.shape.Name))
	t.log, err = record.New(kept + ".jsonl")
	var v check.Verdict
	if err == nil {
		worst := stalls(t.log)
		v, err = t.run(t)
		r.stalled = worst()
		err = errors.Join(err, t.log.Close())
	}
	if t.stack != nil {
		r.on = t.stack.Name
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, last(t.stack.Log(), 1500))
		}
		err = errors.Join(err, os.WriteFile(kept+".log", []byte(t.stack.Log()), 0o600))
		t.stack.Close()
	}
	r.took, r.sizes, r.measured = time.Since(begun), strings.Join(t.sizes, ", "), strings.Join(v.Counts, "; ")
	if r.stalled > notable {
		r.measured += fmt.Sprintf("; the machine stalled for %d ms", r.stalled.Milliseconds())
	}
	r.evidence, r.broken, r.late = v.Evidence, v.Broken, v.Late == v.Broken
	switch {
	case err != nil:
		r.result, r.evidence = failed, append(r.evidence, err.Error())
	case v.Broken > 0:
		r.result, r.measured = broken, fmt.Sprintf("%d broken; %s", v.Broken, r.measured)
	default:
		r.result = proved
	}
	return r
}

func plain(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
		return c
	}
	return '-'
}

func last(text string, n int) string { return text[max(0, len(text)-n):] }
