package audit

import (
	"sync"
	"time"
)

// Bounds of what one process records of the refusals of a minute. Together they
// let a flood from any number of addresses leave no more than some 1,600 rows.
const (
	ownRows      = 5    // of one kind, each a row of its own
	ownSubjects  = 8    // of one actor from one subscriber, that are told apart
	allRows      = 600  // of all kinds, likewise
	maxSums      = 1024 // kinds that are told apart
	summedFor    = time.Minute
	maxUnwritten = 4 * maxSums // sums that wait for a database that is away
)

// Refusals keeps refusals from filling the trail: of one kind the first few of a
// minute are rows of their own, and those after them one row with their number.
// A kind is an action and its outcome on one subject, by one actor from one
// subscriber. Subjects beyond the first few are one. If there are too many kinds, the
// rest are summed by action and outcome alone. The zero value is ready to use, and
// safe for concurrent use.
type Refusals struct {
	mu    sync.Mutex
	began time.Time // of the minute in which rows were recorded
	rows  int
	kinds map[kind]*tally
	named map[kind]int // how many subjects are told apart, by the kind without one
	swept time.Time
	over  []Event // sums whose minute is over
	lost  int64   // refusals of sums that there was no room for
}

type kind struct{ address, action, outcome, actor, subject string }

// anySubject returns the kind of the subjects that are not told apart.
func (k kind) anySubject() kind {
	k.subject = ""
	return k
}

// tally counts the refusals of one kind since began.
type tally struct {
	began time.Time
	rows  int   // of their own
	sum   Event // of the others; none if it occurred 0 times
}

func (t *tally) ended(now time.Time) bool {
	age := now.Sub(t.began)
	return age >= summedFor || age < 0 // the clock was set back
}

// Own reports whether the refusal is to be recorded as a row of its own. If not,
// it was added to a sum. address tells subscribers apart.
func (r *Refusals) Own(address string, e Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := e.At.Sub(r.began); age >= summedFor || age < 0 {
		r.began, r.rows = e.At, 0
	}
	t := r.tally(address, &e)
	if t.rows < ownRows && r.rows < allRows {
		t.rows++
		r.rows++
		return true
	}
	if t.sum.Occurrences == 0 {
		t.sum = e
	}
	t.sum.Occurrences++
	return false
}

// tally returns the tally of the refusal's kind. If that is one too many, it
// removes from e what is not told apart any more.
func (r *Refusals) tally(address string, e *Event) *tally {
	k := kind{address, e.Action, e.Outcome, e.Actor, e.Subject}
	if r.kinds[k] == nil && r.named[k.anySubject()] >= ownSubjects {
		k, e.Subject = k.anySubject(), ""
	}
	t := r.kinds[k]
	if t != nil && !t.ended(e.At) {
		return t
	}
	if t != nil {
		r.end(k, t)
	}
	if len(r.kinds) >= maxSums && e.At.Sub(r.swept).Abs() >= time.Second {
		r.sweep(e.At)
	}
	if len(r.kinds) >= maxSums {
		k.address, k.actor, k.subject, e.IP, e.Actor, e.Subject = "", "", "", "", "", ""
		if t = r.kinds[k]; t != nil {
			return t
		}
	}
	if r.kinds == nil {
		r.kinds, r.named = make(map[kind]*tally), make(map[kind]int)
	}
	t = &tally{began: e.At}
	r.kinds[k] = t
	if k.subject != "" {
		r.named[k.anySubject()]++
	}
	return t
}

// sweep drops the tallies whose minute is over and keeps their sums.
func (r *Refusals) sweep(now time.Time) {
	r.swept = now
	for k, t := range r.kinds {
		if t.ended(now) {
			r.end(k, t)
		}
	}
}

func (r *Refusals) end(k kind, t *tally) {
	delete(r.kinds, k)
	if of := k.anySubject(); k.subject != "" {
		if r.named[of]--; r.named[of] == 0 {
			delete(r.named, of)
		}
	}
	if t.sum.Occurrences == 0 {
		return
	}
	if len(r.over) >= maxUnwritten {
		r.lost += t.sum.Occurrences
		return
	}
	r.over = append(r.over, t.sum)
}

// Due returns the sums whose minute is over at now, each once.
func (r *Refusals) Due(now time.Time) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	return r.take()
}

// All returns all sums, each once.
func (r *Refusals) All() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, t := range r.kinds {
		r.end(k, t)
	}
	return r.take()
}

func (r *Refusals) take() []Event {
	due := r.over
	r.over = nil
	return due
}

// Return puts sums back that could not be written, or adds what need not be written
// at once. Those that are too many are lost.
func (r *Refusals) Return(sums []Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := min(len(sums), max(0, maxUnwritten-len(r.over)))
	r.over = append(r.over, sums[:room]...)
	for i := range sums[room:] {
		r.lost += sums[room+i].Occurrences
	}
}

// Backlog returns how many sums wait to be written although their minute is over,
// and how many refusals were lost since there was no room for their sum.
func (r *Refusals) Backlog() (waiting int, lost int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.over), r.lost
}
