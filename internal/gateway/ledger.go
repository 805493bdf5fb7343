package gateway

import (
	"context"
	"net/url"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// note enters the read of a user's data into the access ledger, before the first byte of
// the answer goes out. A read that the ledger has no room for is refused. What the answer
// holds is not looked at, so that the entry counts no records.
func (g *Gateway) note(ctx context.Context, p *passage) error {
	if !p.Route.reads() {
		return nil
	}
	c := auth.CallerFrom(ctx)
	a := audit.Access{
		UserID: p.User, At: g.ports.Now().UTC().Truncate(time.Microsecond), Operation: p.Route.Name,
		Client: c.Client, RequestID: c.RequestID,
	}
	a.RangeStart, a.RangeEnd = rangeOf(p.query)
	if c.Principal != nil {
		a.Actor = c.Principal.Actor()
	}
	if c.Address.IsValid() {
		a.IP = c.Address.String()
	}
	if !g.ports.Ledger.Admit(a) {
		return problem.UnavailableError(nil)
	}
	return nil
}

// rangeOf returns the times between which data was asked for, as the upstream's routes
// name them; nil for what is not given or not a time.
func rangeOf(query string) (start, end *time.Time) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, nil
	}
	return instant(values, "start_time", "start_date"), instant(values, "end_time", "end_date")
}

func instant(values url.Values, names ...string) *time.Time {
	for _, name := range names {
		given := values.Get(name)
		t, err := problem.ParseInstant(given)
		if err != nil {
			t, err = time.Parse(time.DateOnly, given)
		}
		if err == nil && problem.InRange(t.UTC()) {
			t = t.UTC().Truncate(time.Microsecond)
			return &t
		}
	}
	return nil
}
