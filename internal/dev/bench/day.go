package main

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/load"
)

// Of each user on a day.
const (
	refreshesADay = 1
	readsADay     = 4
	callsADay     = refreshesADay + readsADay
)

// noon is how many times the mean of a day its busiest time has.
const noon = 1.8

// dayCurve returns which part of a day's calls have begun after a part of the day: few at
// its begin and end, most at noon.
func dayCurve(x float64) float64 { return x - (noon-1)*math.Sin(2*math.Pi*x)/(2*math.Pi) }

// dayTime returns after which part of the day a part of its calls has begun.
func dayTime(part float64) float64 {
	low, high := 0.0, 1.0
	for range 40 {
		if mid := (low + high) / 2; dayCurve(mid) < part {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// day replays a day of all users of a stock in the time d, with calls that begin when they
// are due, whether those before were answered or not, as long as a client is free; and
// tells what it took beside what the rows of the works let one expect.
func (l *lab) day(ctx context.Context, on string, size int, d time.Duration, r *result) (moment, error) {
	const clients = 64
	i, err := l.withStock(ctx, on, size)
	if err != nil {
		return moment{}, err
	}
	total, s := size*callsADay, i.stock
	begun := time.Now()
	var next atomic.Int64
	var late load.Histogram
	plan := load.Plan{For: 2 * d}
	waits := make([]load.Histogram, clients)
	for n := range clients {
		c, err := dial(i.addr, 2*d+patience)
		if err != nil {
			return moment{}, err
		}
		defer c.close()
		pick := picker(n)
		plan.Calls = append(plan.Calls, func(ctx context.Context) (time.Duration, error) {
			call := int(next.Add(1)) - 1
			if call >= total {
				return 4 * d, nil // ends the plan
			}
			due := begun.Add(time.Duration(dayTime(float64(call)/float64(total)) * float64(d)))
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(time.Until(due)):
			}
			err := i.ofDay(c, call, pick)
			waits[n].Add(time.Since(due))
			return 0, err
		})
	}
	done, taken, err := i.run(ctx, plan)
	if err != nil {
		return moment{}, err
	}
	took := time.Since(begun).Seconds()
	for n := range waits {
		late.Merge(&waits[n])
	}
	refresh, read := r.median("refresh of any session", on), r.median("read with any key", on)
	expected := func(of func(sample) float64) float64 {
		return (refreshesADay*of(refresh) + readsADay*of(read)) * float64(s.size) / 1e6
	}
	return moment{"a day: a refresh and four reads of each user", on, size, fmt.Sprintf(
		"%s calls in %.0f s, %s/s at noon; p50 %s, p99 %s ms after due; CPU: server %.0f s (%.0f), databases %.0f (%.0f)",
		figure(float64(done.Answered)), took, figure(noon*float64(total)/d.Seconds()), figure(micros(late.Quantile(0.5))/1000), figure(micros(late.Quantile(0.99))/1000),
		taken.server.Seconds(), expected(func(s sample) float64 { return s.ServerCPU }),
		taken.databases.Seconds(), expected(func(s sample) float64 { return s.DatabaseCPU }),
	)}, nil
}

// ofDay makes a call of the day: of each five, one refreshes a session of a user whose
// turn it is, and four read any users.
func (i *installation) ofDay(c *conn, call int, pick func(int) int) error {
	s := i.stock
	if call%callsADay == 0 {
		const stride = 7919 // a prime, so that neighbours in time are none in the table
		user := call / callsADay * stride % s.size
		return i.refresh(c, sessionsEach*user+1)
	}
	user := s.id("user", pick(s.size)).String()
	status, body, err := c.do(request(i.addr, "GET", "/api/v1/users/"+user, s.keys[pick(len(s.keys))], ""))
	return expect(200, []byte(user), status, body, err)
}
