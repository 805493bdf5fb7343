package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/load"
)

// sample is what was measured of a work in one slice of time.
type sample struct {
	Work        string  `json:"work"` // its id
	Round       int     `json:"round"`
	Answered    int     `json:"answered"`
	Seconds     float64 `json:"seconds"`
	P50         float64 `json:"p50_us"`
	P99         float64 `json:"p99_us"`
	ServerCPU   float64 `json:"server_cpu_us"`   // of one request
	DatabaseCPU float64 `json:"database_cpu_us"` // of one request, PostgreSQL and Redis together
	LoadCPU     float64 `json:"load_cpu_us"`     // of one request, what makes the calls
	Resident    int64   `json:"server_bytes"`    // resident memory of the server after it
}

func (s sample) rate() float64 { return float64(s.Answered) / s.Seconds }

// target is what is called, and the processes that answer.
type target struct {
	addr      string
	server    int   // process id
	databases []int // process ids
}

// caller makes one call of one client and checks its answer.
type caller func(c *conn) error

// patience is for how long a slice may go on after its time, until its last answers.
const patience = 30 * time.Second

// measure has each caller call the target on a connection of its own, one call after
// the other, for a tenth of the time unmeasured and then for the time.
func measure(ctx context.Context, t target, callers []caller, d time.Duration) (sample, error) {
	plan := load.Plan{For: d / 10}
	for _, call := range callers {
		c, err := dial(t.addr, 2*d+patience)
		if err != nil {
			return sample{}, err
		}
		defer c.close()
		plan.Calls = append(plan.Calls, func(context.Context) (time.Duration, error) { return 0, call(c) })
	}
	if _, err := load.Run(ctx, plan); err != nil {
		return sample{}, err
	}
	plan.For = d
	r, taken, err := t.run(ctx, plan)
	if err != nil {
		return sample{}, err
	}
	if r.Answered == 0 {
		return sample{}, fmt.Errorf("nothing was answered in %v", d)
	}
	bytes, err := resident(t.server)
	s := newSample(r)
	each := func(d time.Duration) float64 { return micros(d) / float64(r.Answered) }
	s.ServerCPU, s.DatabaseCPU, s.LoadCPU, s.Resident = each(taken.server), each(taken.databases), each(taken.load), bytes
	return s, err
}

func newSample(r *load.Result) sample {
	return sample{
		Answered: r.Answered, Seconds: r.Took.Seconds(),
		P50: micros(r.Latency.Quantile(0.5)), P99: micros(r.Latency.Quantile(0.99)),
	}
}

// times are processor times.
type times struct{ server, databases, load time.Duration }

// run carries out the plan and returns which processor time was taken meanwhile.
func (t target) run(ctx context.Context, p load.Plan) (*load.Result, times, error) {
	before, err1 := t.times()
	load1, err2 := ownTime() // after and before what reads the others
	r, err3 := load.Run(ctx, p)
	load2, err4 := ownTime()
	after, err5 := t.times()
	return r, times{after.server - before.server, after.databases - before.databases, load2 - load1}, errors.Join(err1, err2, err3, err4, err5)
}

// times returns the processor times of the server and of its databases so far.
func (t target) times() (now times, err error) {
	if now.server, err = processorTime(t.server); err != nil {
		return now, err
	}
	now.databases, err = processorTimes(t.databases...)
	return now, err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
