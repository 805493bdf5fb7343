package rpc

import (
	"context"
	"math"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

func auditEventOf(e audit.Event) *owv1.AuditEvent {
	return &owv1.AuditEvent{
		Id: e.ID, At: stamp(e.At), Action: e.Action, Outcome: e.Outcome, Actor: e.Actor, Subject: unsetIfEmpty(e.Subject),
		Ip: unsetIfEmpty(e.IP), Client: unsetIfEmpty(e.Client), RequestId: unsetIfEmpty(e.RequestID), Occurrences: int32(min(e.Occurrences, math.MaxInt32)),
	}
}

func accessOf(e audit.Entry) *owv1.Access {
	return &owv1.Access{
		Number: int32(e.Seq), At: stamp(e.At), Actor: e.Actor, Operation: e.Operation, Records: e.Items,
		Start: optionalStamp(e.RangeStart), End: optionalStamp(e.RangeEnd),
		Ip: unsetIfEmpty(e.IP), Client: unsetIfEmpty(e.Client), RequestId: unsetIfEmpty(e.RequestID),
	}
}

func unsetIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ListAuditEvents implements openwearablesv1connect.AuditServiceHandler.
func (s *Server) ListAuditEvents(ctx context.Context, r *owv1.ListAuditEventsRequest) (*owv1.ListAuditEventsResponse, error) {
	page, err := s.Auth.Audits.Events(ctx, auth.EventList{
		Actor: r.Actor, Subject: r.Subject, Action: r.Action, Outcome: r.Outcome,
		Start: optionalInstant(r.GetStart()), End: optionalInstant(r.GetEnd()), Limit: optionalInt(r.Limit), Cursor: r.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListAuditEventsResponse{NextCursor: page.NextCursor}
	for _, e := range page.Items {
		out.Items = append(out.Items, auditEventOf(e))
	}
	return out, nil
}

// ListUserAccesses implements openwearablesv1connect.AuditServiceHandler.
func (s *Server) ListUserAccesses(ctx context.Context, r *owv1.ListUserAccessesRequest) (*owv1.ListUserAccessesResponse, error) {
	page, err := s.Auth.Audits.Accesses(ctx, r.GetUserId(), auth.PageInput{Limit: optionalInt(r.Limit), Cursor: r.Cursor})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListUserAccessesResponse{NextCursor: page.NextCursor}
	for _, e := range page.Items {
		out.Items = append(out.Items, accessOf(e))
	}
	return out, nil
}
