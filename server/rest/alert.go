package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
)

// ListAlerts implements openapi.StrictServerInterface.
func (s *Server) ListAlerts(ctx context.Context, r openapi.ListAlertsRequestObject) (openapi.ListAlertsResponseObject, error) {
	page, err := s.Alerts.List(ctx, alert.ListInput(r.Params))
	if err != nil {
		return nil, err
	}
	return openapi.ListAlerts200JSONResponse{
		Items: each(page.Items, func(a alert.Alert) openapi.Alert { return openapi.Alert(a) }), NextCursor: page.NextCursor,
	}, nil
}

// AcknowledgeAlert implements openapi.StrictServerInterface.
func (s *Server) AcknowledgeAlert(ctx context.Context, r openapi.AcknowledgeAlertRequestObject) (openapi.AcknowledgeAlertResponseObject, error) {
	a, err := s.Alerts.Acknowledge(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.AcknowledgeAlert200JSONResponse(a), nil
}

// MuteAlert implements openapi.StrictServerInterface.
func (s *Server) MuteAlert(ctx context.Context, r openapi.MuteAlertRequestObject) (openapi.MuteAlertResponseObject, error) {
	var until *string
	if r.Body != nil {
		until = r.Body.Until
	}
	a, err := s.Alerts.Mute(ctx, r.ID, until)
	if err != nil {
		return nil, err
	}
	return openapi.MuteAlert200JSONResponse(a), nil
}

// ListAlertRules implements openapi.StrictServerInterface.
func (s *Server) ListAlertRules(ctx context.Context, _ openapi.ListAlertRulesRequestObject) (openapi.ListAlertRulesResponseObject, error) {
	rules, mutes, err := s.Alerts.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.ListAlertRules200JSONResponse{
		Items: each(rules, alertRule), Mutes: each(mutes, func(m alert.Mute) openapi.AlertMute { return openapi.AlertMute(m) }),
	}, nil
}

// UpdateAlertRule implements openapi.StrictServerInterface.
func (s *Server) UpdateAlertRule(ctx context.Context, r openapi.UpdateAlertRuleRequestObject) (openapi.UpdateAlertRuleResponseObject, error) {
	in := alert.RulePatch{Enabled: patch(r.Body.Enabled)}
	if thresholds := patch(r.Body.Thresholds); thresholds.Present() {
		in.Thresholds = auth.ChangeTo[[]alert.ThresholdInput](nil)
		if list := thresholds.Value(); list != nil {
			in.Thresholds = auth.ChangeTo(new(each(*list, func(t openapi.AlertThresholdInput) alert.ThresholdInput { return alert.ThresholdInput(t) })))
		}
	}
	rule, err := s.Alerts.UpdateRule(ctx, r.Rule, in)
	if err != nil {
		return nil, err
	}
	return openapi.UpdateAlertRule200JSONResponse(alertRule(rule)), nil
}

func alertRule(r alert.Rule) openapi.AlertRule {
	return openapi.AlertRule{
		Rule: r.Name, Description: r.Description, Enabled: r.Enabled,
		Thresholds: each(r.Thresholds, func(t alert.Threshold) openapi.AlertThreshold { return openapi.AlertThreshold(t) }),
	}
}
