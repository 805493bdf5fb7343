package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/installation"
)

// GetInstallation implements openwearablesv1connect.InstallationServiceHandler.
func (s *Server) GetInstallation(ctx context.Context, _ *owv1.GetInstallationRequest) (*owv1.GetInstallationResponse, error) {
	i, err := s.Installation.Installation(ctx)
	if err != nil {
		return nil, err
	}
	return &owv1.GetInstallationResponse{Installation: &owv1.Installation{
		Version: i.Version, ApiVersion: i.APIVersion, Database: i.Database, Redis: i.Redis, Nodes: i.Nodes,
		Limits: each(i.Limits, func(l installation.Limit) *owv1.InstallationLimit {
			return &owv1.InstallationLimit{Name: l.Name, Limit: l.Limit, WindowSeconds: l.WindowSeconds, Flag: l.Flag}
		}),
		Settings: each(i.Settings, func(v installation.Setting) *owv1.InstallationSetting {
			return &owv1.InstallationSetting{Name: v.Name, Value: v.Value, Unit: v.Unit, Flag: v.Flag}
		}),
		SigningAlgorithm: i.SigningAlgorithm,
		SigningKeys: each(i.SigningKeys, func(k auth.SigningKey) *owv1.SigningKey {
			return &owv1.SigningKey{Id: k.ID, Algorithm: k.Algorithm, State: k.State, CreatedAt: stamp(k.CreatedAt), EndsAt: optionalStamp(k.EndsAt)}
		}),
		Findings: each(i.Findings, func(f installation.Finding) *owv1.InstallationFinding {
			return &owv1.InstallationFinding{Severity: f.Severity, Message: f.Message}
		}),
		CheckedAt: stamp(i.CheckedAt),
	}}, nil
}

// GetStats implements openwearablesv1connect.InstallationServiceHandler.
func (s *Server) GetStats(ctx context.Context, _ *owv1.GetStatsRequest) (*owv1.GetStatsResponse, error) {
	n, err := s.Installation.Stats(ctx)
	if err != nil {
		return nil, err
	}
	return &owv1.GetStatsResponse{Stats: &owv1.Stats{
		TotalUsers:          &owv1.StatsCount{Count: n.Users},
		ActiveConn:          &owv1.StatsCount{},
		DataPoints:          &owv1.StatsDataPoints{},
		EventRecords:        &owv1.StatsEventRecords{Count: n.Workouts, Workouts: n.Workouts},
		ConnectionsCoverage: &owv1.StatsConnections{},
		ApiKeys:             &owv1.StatsCount{Count: n.Keys},
		Applications:        &owv1.StatsCount{Count: n.Applications},
		Developers:          &owv1.StatsCount{Count: n.Developers},
		OpenAlerts:          &owv1.StatsCount{Count: n.OpenAlerts},
	}}, nil
}
