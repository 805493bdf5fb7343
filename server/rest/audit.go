package rest

import (
	"context"
	"math"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

func auditEvent(e audit.Event) openapi.AuditEvent {
	return openapi.AuditEvent{
		ID: e.ID, At: e.At, Action: e.Action, Outcome: e.Outcome, Actor: e.Actor, Subject: absentIfEmpty(e.Subject),
		IP: absentIfEmpty(e.IP), Client: absentIfEmpty(e.Client), RequestID: absentIfEmpty(e.RequestID), Occurrences: int32(min(e.Occurrences, math.MaxInt32)),
	}
}

func access(e audit.Entry) openapi.Access {
	return openapi.Access{
		Number: int32(e.Seq), At: e.At, Actor: e.Actor, Operation: e.Operation, Start: e.RangeStart, End: e.RangeEnd, Records: e.Items,
		IP: absentIfEmpty(e.IP), Client: absentIfEmpty(e.Client), RequestID: absentIfEmpty(e.RequestID),
	}
}

func absentIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ListAuditEvents implements openapi.StrictServerInterface.
func (s *Server) ListAuditEvents(ctx context.Context, r openapi.ListAuditEventsRequestObject) (openapi.ListAuditEventsResponseObject, error) {
	if wantsLines(ctx) {
		return lines(func(ctx context.Context, out *lineWriter) (*string, error) {
			return s.Auth.Audits.ExportEvents(ctx, auth.EventList(r.Params), func(some []audit.Event) error {
				return writeLines(out, some, auditEvent)
			})
		}), nil
	}
	page, err := s.Auth.Audits.Events(ctx, auth.EventList(r.Params))
	if err != nil {
		return nil, err
	}
	out := openapi.ListAuditEvents200JSONResponse{Items: make([]openapi.AuditEvent, len(page.Items)), NextCursor: page.NextCursor}
	for i, e := range page.Items {
		out.Items[i] = auditEvent(e)
	}
	return out, nil
}

// ListUserAccesses implements openapi.StrictServerInterface.
func (s *Server) ListUserAccesses(ctx context.Context, r openapi.ListUserAccessesRequestObject) (openapi.ListUserAccessesResponseObject, error) {
	if wantsLines(ctx) {
		return lines(func(ctx context.Context, out *lineWriter) (*string, error) {
			return s.Auth.Audits.ExportAccesses(ctx, r.UserID, auth.PageInput(r.Params), func(some []audit.Entry) error {
				return writeLines(out, some, access)
			})
		}), nil
	}
	page, err := s.Auth.Audits.Accesses(ctx, r.UserID, auth.PageInput(r.Params))
	if err != nil {
		return nil, err
	}
	out := openapi.ListUserAccesses200JSONResponse{Items: make([]openapi.Access, len(page.Items)), NextCursor: page.NextCursor}
	for i, e := range page.Items {
		out.Items[i] = access(e)
	}
	return out, nil
}
