package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Audits shows the audit trail and the access ledgers. Safe for concurrent use.
type Audits struct {
	store  Store
	vault  *credential.Vault
	limits *Limiter
	fresh  func(context.Context) context.Context
	now    func() time.Time
}

// An export holds exported items at most, read in batches of exportBatch, fewer
// where few match. It counts as one request for each batch, of which each has the
// time of a request.
const (
	exported    = 10_000
	exportBatch = 1000
)

// Events returns a page of the audit trail. It may hold less than a page that is
// not the last one usually does. Only developers may.
func (s *Audits) Events(ctx context.Context, in EventList) (page Page[audit.Event], err error) {
	q, err := s.eventQuery(ctx, in)
	if err != nil {
		return page, err
	}
	page.Items, q.After, err = s.events(ctx, q)
	if err != nil || q.After == nil {
		return page, err
	}
	cursor, err := s.vault.SealCursor(q.filters(), q.After)
	page.NextCursor = &cursor
	return page, err
}

// ExportEvents passes the events of a list to write, batch by batch, from its cursor
// on. It returns the cursor of what is left, or nil. The limit of the list counts
// only if it is set.
func (s *Audits) ExportEvents(ctx context.Context, in EventList, write func([]audit.Event) error) (next *string, err error) {
	q, err := s.eventQuery(ctx, in)
	if err != nil {
		return nil, err
	}
	left := false
	err = s.export(ctx, in.Limit, func(ctx context.Context, limit int) (n int, more bool, err error) {
		q.Limit = limit
		events, rest, err := s.events(ctx, q)
		if err != nil {
			return 0, false, err
		}
		if left = rest != nil; left {
			q.After = rest
		}
		return len(events), left, write(events)
	})
	if err != nil || !left {
		return nil, err
	}
	cursor, err := s.vault.SealCursor(q.filters(), q.After)
	return &cursor, err
}

// export reads batches until there is no more, or as many items as the limit says or
// an export holds, or the caller's limit or the database does not admit another one.
func (s *Audits) export(ctx context.Context, asked *int, read func(ctx context.Context, limit int) (n int, more bool, err error)) error {
	left := exported
	if asked != nil {
		left = *asked
	}
	for batch := range 2 * exported / exportBatch {
		ctx := s.fresh(ctx)
		if batch > 0 && s.limits.SpendMore(ctx, 2) != nil { // one is that of the request
			break
		}
		n, more, err := read(ctx, min(left, exportBatch))
		if err != nil && batch > 0 && problem.AsError(err).Kind == problem.Unavailable {
			break
		}
		if left -= n; err != nil || !more || left <= 0 {
			return err
		}
	}
	return nil
}

// events returns up to q.Limit events, and the place after which there are more, or
// nil.
func (s *Audits) events(ctx context.Context, q EventQuery) (events []audit.Event, rest *Place, err error) {
	limit := q.Limit
	q.Limit++ // one more shows whether there are more
	events, rest, err = s.store.AuditEvents(ctx, q)
	if len(events) > limit {
		events = events[:limit]
		rest = &Place{events[limit-1].At, events[limit-1].ID}
	}
	return events, rest, err
}

// eventQuery checks what ListAuditEvents takes, and who asks.
func (s *Audits) eventQuery(ctx context.Context, in EventList) (EventQuery, error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return EventQuery{}, err
	}
	var v problem.Check
	q := EventQuery{Limit: pageLimit(&v, in.Limit), Start: v.Instant("start", in.Start), End: v.Instant("end", in.End)}
	for _, filter := range []struct {
		field    string
		from, to *string
	}{{"actor", in.Actor, &q.Actor}, {"subject", in.Subject, &q.Subject}, {"action", in.Action, &q.Action}, {"outcome", in.Outcome, &q.Outcome}} {
		if v.Optional(filter.field, filter.from, problem.MaxText); filter.from != nil {
			*filter.to = *filter.from
		}
	}
	if q.Start != nil && q.End != nil && q.Start.After(*q.End) {
		v.Fail("start", "must not be after end")
	}
	if in.Cursor != nil && v.Err() == nil && !s.vault.OpenCursor(q.filters(), *in.Cursor, &q.After) {
		v.Fail("cursor", "must be the cursor of the next page of the same list with the same filters")
	}
	return q, v.Err()
}

// pageLimit returns the length of a page.
func pageLimit(v *problem.Check, asked *int) int {
	if asked == nil {
		return fullPage
	}
	v.Between("limit", *asked, 1, fullPage)
	return *asked
}

// accessQuery selects accesses to one user's health data, newest first: those with a
// smaller number than Before, unless it is nil.
type accessQuery struct {
	userID string
	before *int64
	limit  int
}

func (q *accessQuery) filters() []byte { return []byte("accesses:" + q.userID) }

// Accesses returns a page of the accesses to a user's health data, newest first.
// Those of a user who was deleted are still there.
func (s *Audits) Accesses(ctx context.Context, userID string, in PageInput) (page Page[audit.Entry], err error) {
	q, err := s.accessQuery(ctx, userID, in)
	if err != nil {
		return page, err
	}
	var more bool
	page.Items, more, err = s.accesses(ctx, &q)
	if err != nil || !more {
		return page, err
	}
	cursor, err := s.vault.SealCursor(q.filters(), q.before)
	page.NextCursor = &cursor
	return page, err
}

// ExportAccesses is ExportEvents for the accesses to a user's health data.
func (s *Audits) ExportAccesses(ctx context.Context, userID string, in PageInput, write func([]audit.Entry) error) (next *string, err error) {
	q, err := s.accessQuery(ctx, userID, in)
	if err != nil {
		return nil, err
	}
	left := false
	err = s.export(ctx, in.Limit, func(ctx context.Context, limit int) (n int, more bool, err error) {
		q.limit = limit
		entries, more, err := s.accesses(ctx, &q)
		if err != nil {
			return 0, false, err
		}
		left = more
		return len(entries), more, write(entries)
	})
	if err != nil || !left {
		return nil, err
	}
	cursor, err := s.vault.SealCursor(q.filters(), q.before)
	return &cursor, err
}

// accesses returns up to q.limit entries, moves q to what follows them, and reports
// whether there is any.
func (s *Audits) accesses(ctx context.Context, q *accessQuery) (entries []audit.Entry, more bool, err error) {
	if entries, err = s.store.Accesses(ctx, q.userID, q.before, q.limit+1); err != nil {
		return nil, false, err
	}
	if len(entries) == 0 && q.before == nil {
		_, err := s.store.User(ctx, q.userID)
		return entries, false, userError(err)
	}
	if more = len(entries) > q.limit; more {
		entries = entries[:q.limit]
		q.before = &entries[q.limit-1].Seq
	}
	return entries, more, nil
}

// accessQuery checks what ListUserAccesses takes, and who asks.
func (s *Audits) accessQuery(ctx context.Context, userID string, in PageInput) (q accessQuery, err error) {
	if q.userID, err = UserID(userID); err != nil {
		return q, err
	}
	if _, err := RequireOwner(ctx, AuditRead, q.userID); err != nil {
		return q, err
	}
	var v problem.Check
	q.limit = pageLimit(&v, in.Limit)
	if in.Cursor != nil && !s.vault.OpenCursor(q.filters(), *in.Cursor, &q.before) {
		v.Fail("cursor", "must be the cursor of the next page of the same user")
	}
	return q, v.Err()
}

// headDomain is what the signature of a head is made for.
const headDomain = "ledger head"

// SignHeads signs how far the ledger of each user has come, so that cutting off its
// end shows. Call it every hour and at the end.
func (s *Audits) SignHeads(ctx context.Context) error {
	return s.store.SignHeads(ctx, s.now(), HeadSigner{s.vault})
}

// Signer returns what signs the heads of the ledgers.
func (s *Audits) Signer() HeadSigner { return HeadSigner{s.vault} }

// HeadSigner signs the heads of access ledgers with the vault's secret. It implements
// audit.Signer.
type HeadSigner struct{ Vault *credential.Vault }

// SignHead implements audit.Signer.
func (s HeadSigner) SignHead(h *audit.Head) { h.Mac = s.mac(h) }

// Genuine implements audit.Signer.
func (s HeadSigner) Genuine(h *audit.Head) bool { return s.mac(h).Equal(h.Mac) }

func (s HeadSigner) mac(h *audit.Head) credential.Hash {
	return s.Vault.HashParts(headDomain, h.Parts()...)
}
