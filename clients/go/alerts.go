package openwearables

import (
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Alerts calls the API about what in the installation needs a look. Only a developer
// may call it.
type Alerts struct {
	link *link
	stub stub[owv1connect.AlertServiceClient]
}

func (s *Alerts) rpc() owv1connect.AlertServiceClient {
	return s.stub.on(s.link, owv1connect.NewAlertServiceClient)
}

// List yields alerts, those that opened last first, from the page of req on; nil is all
// of them. It fetches pages as needed and ends after an error. It does not modify req.
func (s *Alerts) List(ctx context.Context, req *owv1.ListAlertsRequest) iter.Seq2[*owv1.Alert, error] {
	req = given(req)
	return pages(req.Cursor, func(cursor *string) ([]*owv1.Alert, *string, error) {
		next := proto.CloneOf(req)
		next.Cursor = cursor
		res, err := s.rpc().ListAlerts(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		return res.GetItems(), res.NextCursor, nil
	})
}

// Acknowledge records that the caller has seen an alert. That of an event is resolved
// by it.
func (s *Alerts) Acknowledge(ctx context.Context, id string) (*owv1.Alert, error) {
	res, err := s.rpc().AcknowledgeAlert(ctx, &owv1.AcknowledgeAlertRequest{Id: id})
	return object(res.GetAlert(), res.GetAlert().GetId(), err)
}

// Mute mutes the rule of an alert for its subject until the time.
func (s *Alerts) Mute(ctx context.Context, id string, until time.Time) (*owv1.Alert, error) {
	res, err := s.rpc().MuteAlert(ctx, &owv1.MuteAlertRequest{Id: id, Until: timestamppb.New(until)})
	return object(res.GetAlert(), res.GetAlert().GetId(), err)
}

// Unmute ends what Mute began.
func (s *Alerts) Unmute(ctx context.Context, id string) (*owv1.Alert, error) {
	res, err := s.rpc().MuteAlert(ctx, &owv1.MuteAlertRequest{Id: id})
	return object(res.GetAlert(), res.GetAlert().GetId(), err)
}

// Rules returns every rule with its settings, and what is muted.
func (s *Alerts) Rules(ctx context.Context) (*owv1.ListAlertRulesResponse, error) {
	res, err := s.rpc().ListAlertRules(ctx, &owv1.ListAlertRulesRequest{})
	return complete(res, len(res.GetItems()) > 0, err)
}

// UpdateRule changes the settings of a rule. Thresholds that it does not name stay.
func (s *Alerts) UpdateRule(ctx context.Context, req *owv1.UpdateAlertRuleRequest) (*owv1.AlertRule, error) {
	res, err := s.rpc().UpdateAlertRule(ctx, req)
	return object(res.GetRule(), res.GetRule().GetRule(), err)
}
