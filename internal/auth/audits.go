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
	store Store
	vault *credential.Vault
	now   func() time.Time
}

// Events returns a page of the audit trail. It may hold less than a page that is
// not the last one usually does. Only developers may.
func (s *Audits) Events(ctx context.Context, in EventList) (page Page[audit.Event], err error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return page, err
	}
	var v problem.Check
	q := EventQuery{Limit: fullPage, Start: v.Instant("start", in.Start), End: v.Instant("end", in.End)}
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
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	v.Between("limit", q.Limit, 1, fullPage)
	if in.Cursor != nil && !s.vault.OpenCursor(q.filters(), *in.Cursor, &q.After) {
		v.Fail("cursor", "must be the cursor of the next page of the same list with the same filters")
	}
	if err := v.Err(); err != nil {
		return page, err
	}
	limit := q.Limit
	q.Limit++ // one more shows whether there is another page
	events, rest, err := s.store.AuditEvents(ctx, q)
	if err != nil {
		return page, err
	}
	if page.Items = events; len(events) > limit {
		page.Items = events[:limit]
		last := &page.Items[limit-1]
		rest = &Place{last.At, last.ID}
	}
	if rest == nil {
		return page, nil
	}
	cursor, err := s.vault.SealCursor(q.filters(), rest)
	page.NextCursor = &cursor
	return page, err
}

// Accesses returns a page of the accesses to a user's health data, newest first.
// Those of a user who was deleted are still there.
func (s *Audits) Accesses(ctx context.Context, userID string, in PageInput) (page Page[audit.Entry], err error) {
	id, err := UserID(userID)
	if err != nil {
		return page, err
	}
	if _, err := RequireOwner(ctx, AuditRead, id); err != nil {
		return page, err
	}
	var v problem.Check
	limit, filters := fullPage, []byte("accesses:"+id)
	if in.Limit != nil {
		limit = *in.Limit
	}
	v.Between("limit", limit, 1, fullPage)
	var before *int64
	if in.Cursor != nil && !s.vault.OpenCursor(filters, *in.Cursor, &before) {
		v.Fail("cursor", "must be the cursor of the next page of the same user")
	}
	if err := v.Err(); err != nil {
		return page, err
	}
	if page.Items, err = s.store.Accesses(ctx, id, before, limit+1); err != nil {
		return page, err
	}
	if len(page.Items) == 0 && before == nil {
		_, err := s.store.User(ctx, id)
		return page, userError(err)
	}
	if len(page.Items) <= limit {
		return page, nil
	}
	page.Items = page.Items[:limit]
	cursor, err := s.vault.SealCursor(filters, page.Items[limit-1].Seq)
	page.NextCursor = &cursor
	return page, err
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
