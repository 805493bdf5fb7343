package auth

import (
	"context"
	"crypto/subtle"
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
	now    func() time.Time
}

// An export holds exported items at most, read in batches of exportBatch. It counts
// as one request for each batch.
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
	err = s.export(ctx, in.Limit, func(limit int) (n int, more bool, err error) {
		var events []audit.Event
		q.Limit = limit
		if events, q.After, err = s.events(ctx, q); err == nil {
			err = write(events)
		}
		return len(events), q.After != nil, err
	})
	if err != nil || q.After == nil {
		return nil, err
	}
	cursor, err := s.vault.SealCursor(q.filters(), q.After)
	return &cursor, err
}

// export reads batches until there is no more, or as many items as the limit says or
// an export holds.
func (s *Audits) export(ctx context.Context, asked *int, read func(limit int) (n int, more bool, err error)) error {
	left := exported
	if asked != nil {
		left = *asked
	}
	for batches := 1; left > 0; batches++ {
		if batches > 1 {
			if err := s.limits.SpendMore(ctx, 2); err != nil { // one is that of the request
				return err
			}
		}
		n, more, err := read(min(left, exportBatch))
		if left -= n; err != nil || !more || batches > 2*exported/exportBatch {
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
	err = s.export(ctx, in.Limit, func(limit int) (n int, more bool, err error) {
		var entries []audit.Entry
		q.limit = limit
		if entries, left, err = s.accesses(ctx, &q); err == nil {
			err = write(entries)
		}
		return len(entries), left, err
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
	return s.store.SignHeads(ctx, s.now(), func(h *audit.Head) { h.Mac = s.vault.HashParts(headDomain, h.Parts()...) })
}

// GenuineHead reports whether the head was signed with the vault's secret.
func GenuineHead(vault *credential.Vault, h *audit.Head) bool {
	mac := vault.HashParts(headDomain, h.Parts()...)
	return subtle.ConstantTimeCompare(mac[:], h.Mac[:]) == 1
}
