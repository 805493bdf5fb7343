package ratelimit

import "context"

// An Action is what a Step does.
type Action int8

// Actions, by what they spend.
const (
	ToReturn Action = iota - 1
	ToPeek
	ToTake
)

// A Step is one call of a Counter among several that are made together.
type Step struct {
	Action  Action
	Policy  Policy
	ID      string
	Subject string // whose version is read in the same instant, where there are any; "" for none
}

// An Outcome is what a Step came to.
type Outcome struct {
	Window  Window
	Version uint64
}

// Refused reports whether the step asked for more than is left.
func (s Step) Refused(w Window) bool { return s.Action != ToReturn && !w.Admitted }

// InTurn makes the calls one after the other. With untilRefused, it leaves out those
// that follow the first that is refused. A Return has no Window.
func InTurn(ctx context.Context, c Counter, untilRefused bool, steps []Step) ([]Outcome, error) {
	out := make([]Outcome, 0, len(steps))
	for _, s := range steps {
		var w Window
		var err error
		switch s.Action {
		case ToReturn:
			err = c.Return(ctx, s.Policy, s.ID)
		case ToPeek:
			w, err = c.Peek(ctx, s.Policy, s.ID)
		default:
			w, err = c.Take(ctx, s.Policy, s.ID)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Outcome{Window: w})
		if untilRefused && s.Refused(w) {
			break
		}
	}
	return out, nil
}
