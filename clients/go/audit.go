package openwearables

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Audit calls the API about what happened in the installation, and who read whose
// health data.
type Audit struct {
	link        *link
	stub        stub[owv1connect.AuditServiceClient]
	credentials *Credentials
}

func (s *Audit) rpc() owv1connect.AuditServiceClient {
	return s.stub.on(s.link, owv1connect.NewAuditServiceClient)
}

// Events yields the audit trail, newest first, from the page of req on; nil is all of
// it. It fetches pages as needed and ends after an error. It does not modify req. Only
// a developer may call it.
func (s *Audit) Events(ctx context.Context, req *owv1.ListAuditEventsRequest) iter.Seq2[*owv1.AuditEvent, error] {
	if req == nil {
		req = &owv1.ListAuditEventsRequest{}
	}
	return pages(req.Cursor, func(cursor *string) ([]*owv1.AuditEvent, *string, error) {
		next := proto.CloneOf(req)
		next.Cursor = cursor
		res, err := s.rpc().ListAuditEvents(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		return res.GetItems(), res.NextCursor, nil
	})
}

// Accesses yields who read a user's health data, newest first. It fetches pages as
// needed and ends after an error. A key needs the scope audit:read; a user may read
// who read their own.
func (s *Audit) Accesses(ctx context.Context, userID string) iter.Seq2[*owv1.Access, error] {
	return pages(nil, func(cursor *string) ([]*owv1.Access, *string, error) {
		res, err := s.rpc().ListUserAccesses(ctx, &owv1.ListUserAccessesRequest{UserId: userID, Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		return res.GetItems(), res.NextCursor, nil
	})
}

// ReportCredential ends a credential that was found where it does not belong: the
// secret of a key or an application, or the session of a token. The credential itself
// is the proof. It also succeeds for what is no credential there.
func (s *Audit) ReportCredential(ctx context.Context, credential Secret) error {
	_, err := s.credentials.rpc().ReportCredential(ctx, &owv1.ReportCredentialRequest{Credential: credential.Reveal()})
	return err
}
