package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/installation"
)

// GetInstallation implements openapi.StrictServerInterface.
func (s *Server) GetInstallation(ctx context.Context, _ openapi.GetInstallationRequestObject) (openapi.GetInstallationResponseObject, error) {
	i, err := s.Installation.Installation(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.GetInstallation200JSONResponse{
		Version: i.Version, APIVersion: i.APIVersion, Database: i.Database, Redis: i.Redis, Nodes: i.Nodes,
		Limits:           each(i.Limits, func(l installation.Limit) openapi.InstallationLimit { return openapi.InstallationLimit(l) }),
		Settings:         each(i.Settings, func(v installation.Setting) openapi.InstallationSetting { return openapi.InstallationSetting(v) }),
		SigningAlgorithm: i.SigningAlgorithm,
		SigningKeys:      each(i.SigningKeys, func(k auth.SigningKey) openapi.SigningKey { return openapi.SigningKey(k) }),
		Findings:         each(i.Findings, func(f installation.Finding) openapi.InstallationFinding { return openapi.InstallationFinding(f) }),
		CheckedAt:        i.CheckedAt,
	}, nil
}

// GetStats implements openapi.StrictServerInterface.
func (s *Server) GetStats(ctx context.Context, _ openapi.GetStatsRequestObject) (openapi.GetStatsResponseObject, error) {
	n, err := s.Installation.Stats(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.GetStats200JSONResponse{
		TotalUsers:          openapi.StatsCount{Count: n.Users},
		EventRecords:        openapi.StatsEventRecords{Count: n.Workouts, Workouts: n.Workouts},
		ConnectionsCoverage: openapi.StatsConnections{TopProviders: []openapi.StatsProvider{}},
		APIKeys:             openapi.StatsCount{Count: n.Keys},
		Applications:        openapi.StatsCount{Count: n.Applications},
		Developers:          openapi.StatsCount{Count: n.Developers},
		OpenAlerts:          openapi.StatsCount{Count: n.OpenAlerts},
	}, nil
}
