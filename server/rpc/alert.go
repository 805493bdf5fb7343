package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/alert"
)

// ListAlerts implements openwearablesv1connect.AlertServiceHandler.
func (s *Server) ListAlerts(ctx context.Context, r *owv1.ListAlertsRequest) (*owv1.ListAlertsResponse, error) {
	page, err := s.Alerts.List(ctx, alert.ListInput{
		State: r.State, Rule: r.Rule, Subject: r.Subject, Limit: optionalInt(r.Limit), Cursor: r.Cursor,
	})
	if err != nil {
		return nil, err
	}
	return &owv1.ListAlertsResponse{Items: each(page.Items, alertOf), NextCursor: page.NextCursor}, nil
}

// AcknowledgeAlert implements openwearablesv1connect.AlertServiceHandler.
func (s *Server) AcknowledgeAlert(ctx context.Context, r *owv1.AcknowledgeAlertRequest) (*owv1.AcknowledgeAlertResponse, error) {
	a, err := s.Alerts.Acknowledge(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.AcknowledgeAlertResponse{Alert: alertOf(a)}, nil
}

// MuteAlert implements openwearablesv1connect.AlertServiceHandler.
func (s *Server) MuteAlert(ctx context.Context, r *owv1.MuteAlertRequest) (*owv1.MuteAlertResponse, error) {
	a, err := s.Alerts.Mute(ctx, r.GetId(), optionalInstant(r.GetUntil()))
	if err != nil {
		return nil, err
	}
	return &owv1.MuteAlertResponse{Alert: alertOf(a)}, nil
}

// ListAlertRules implements openwearablesv1connect.AlertServiceHandler.
func (s *Server) ListAlertRules(ctx context.Context, _ *owv1.ListAlertRulesRequest) (*owv1.ListAlertRulesResponse, error) {
	rules, mutes, err := s.Alerts.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return &owv1.ListAlertRulesResponse{
		Items: each(rules, alertRuleOf),
		Mutes: each(mutes, func(m alert.Mute) *owv1.AlertMute {
			return &owv1.AlertMute{Rule: m.Rule, Subject: m.Subject, Until: stamp(m.Until)}
		}),
	}, nil
}

// UpdateAlertRule implements openwearablesv1connect.AlertServiceHandler.
func (s *Server) UpdateAlertRule(ctx context.Context, r *owv1.UpdateAlertRuleRequest) (*owv1.UpdateAlertRuleResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "enabled", "thresholds")
	if err != nil {
		return nil, err
	}
	var thresholds *[]alert.ThresholdInput
	if r.GetThresholds() != nil || m["thresholds"] {
		thresholds = new(each(r.GetThresholds(), func(t *owv1.AlertThresholdInput) alert.ThresholdInput {
			return alert.ThresholdInput{Name: t.GetName(), Value: t.GetValue()}
		}))
	}
	rule, err := s.Alerts.UpdateRule(ctx, r.GetRule(), alert.RulePatch{
		Enabled: change(m, "enabled", r.Enabled), Thresholds: change(m, "thresholds", thresholds),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateAlertRuleResponse{Rule: alertRuleOf(rule)}, nil
}

func alertOf(a alert.Alert) *owv1.Alert {
	return &owv1.Alert{
		Id: a.ID, Rule: a.Rule, Subject: a.Subject, State: a.State, Message: a.Message, Link: a.Link,
		OpenedAt: stamp(a.OpenedAt), LastSeenAt: stamp(a.LastSeenAt), Occurrences: a.Occurrences,
		AcknowledgedAt: optionalStamp(a.AcknowledgedAt), AcknowledgedBy: a.AcknowledgedBy,
		ResolvedAt: optionalStamp(a.ResolvedAt), MutedUntil: optionalStamp(a.MutedUntil),
	}
}

func alertRuleOf(r alert.Rule) *owv1.AlertRule {
	return &owv1.AlertRule{
		Rule: r.Name, Description: r.Description, Enabled: r.Enabled,
		Thresholds: each(r.Thresholds, func(t alert.Threshold) *owv1.AlertThreshold {
			return &owv1.AlertThreshold{Name: t.Name, Value: t.Value, DefaultValue: t.DefaultValue, Minimum: t.Minimum, Maximum: t.Maximum}
		}),
	}
}
