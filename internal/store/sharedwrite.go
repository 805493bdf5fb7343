package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/failpoint"
)

// sharedNow begins a statement with its time t: that of the test, $1, or the database's,
// c, but not before the latest one of this node, $2. It is of before the statement locks
// anything, as that of a transaction is.
const sharedNow = `WITH n AS MATERIALIZED (SELECT c, coalesce($1::bigint, greatest(c, $2::bigint)) AS t
	FROM (SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000::numeric)::bigint AS c) AS clock)`

// sharedEvents are the arguments that eventArrays returns, by their names in a
// statement, which recordShared records for the rows of a result.
const (
	sharedEvents = "event, action, outcome, event_actor, subject, event_ip, event_client, request_id"
	recordShared = "INSERT INTO audit_events (id, at, action, outcome, actor, subject, ip, client, request_id, occurrences) " +
		"SELECT event, t, action, outcome, nullif(event_actor, ''), nullif(subject, ''), nullif(event_ip, ''), nullif(event_client, ''), nullif(request_id, ''), 1 FROM "
)

func eventArrays[J any](jobs []J, event func(*J) *audit.Event) []any {
	return []any{
		member(jobs, func(j *J) string { return event(j).ID }),
		member(jobs, func(j *J) string { return event(j).Action }),
		member(jobs, func(j *J) string { return event(j).Outcome }),
		member(jobs, func(j *J) string { return event(j).Actor }),
		member(jobs, func(j *J) string { return event(j).Subject }),
		member(jobs, func(j *J) string { return event(j).IP }),
		member(jobs, func(j *J) string { return event(j).Client }),
		member(jobs, func(j *J) string { return event(j).RequestID }),
	}
}

// member returns a member of each job.
func member[J, T any](jobs []J, of func(*J) T) []T {
	all := make([]T, len(jobs))
	for i := range jobs {
		all[i] = of(&jobs[i])
	}
	return all
}

// sharable reports whether a statement takes the texts and the event: one text that
// cannot be stored would fail it for all.
func sharable(e *audit.Event, texts ...string) bool {
	texts = append(texts, e.ID, e.Action, e.Outcome, e.Actor, e.Subject, e.IP, e.Client, e.RequestID)
	return !slices.ContainsFunc(texts, func(s string) bool { return s != storable(s) })
}

// write runs a shared statement that writes. Its arguments follow those of sharedNow, and
// its rows are c, t, the number of a job from 1, and what row takes. Jobs without a row
// are those for which it has done nothing.
func (l *lanes) write(text string, args []any, row func(rows pgx.Rows, c, t, o *int64) error) error {
	p := l.pool
	var fixed *int64
	if p.now != nil {
		fixed = new(micros(p.clock.notBefore(p.now())))
	}
	var c, t, o int64
	s := sharedStatement{
		text: text, args: append([]any{fixed, max(0, micros(p.clock.latest()))}, args...),
		begin: func() { c, t = 0, 0 },
		row:   func(rows pgx.Rows) error { return row(rows, &c, &t, &o) },
	}
	failpoint.Hit(failpoint.BeforeCommit)
	err := p.runShared(&s)
	failpoint.Hit(failpoint.AfterCommit)
	if err == nil && t != 0 {
		p.skew.measure(s.sent, time.UnixMicro(c))
		p.clock.notBefore(time.UnixMicro(t))
	}
	return err
}

// trace runs f, which waits for a shared statement that writes. For a caller who is
// traced this is a transaction, with what the statement does to the sessions in it.
func (l *lanes) trace(ctx context.Context, text, verb string, f func() error) error {
	if !l.tracer.Traces(ctx) {
		return f()
	}
	ctx, transaction := l.tracer.Start(ctx, "transaction")
	_, statement := l.tracer.Query(ctx, systems[postgresEngine.name], text[strings.Index(text, verb):])
	err := f()
	statement.End(err)
	transaction.End(err)
	return err
}

// done makes of the error of a shared write what its caller is to know: whether it was
// made, or else its error, if it is not to go its own way.
func (l *lanes) done(err error) (bool, error) {
	if errors.Is(err, errNotShared) {
		return false, nil
	}
	return err == nil, l.pool.engine.domainError(err)
}
