package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/usage"
)

// GetUsage implements openapi.StrictServerInterface.
func (s *Server) GetUsage(ctx context.Context, r openapi.GetUsageRequestObject) (openapi.GetUsageResponseObject, error) {
	u, err := s.Usage.Account(ctx, usage.RangeInput(r.Params))
	if err != nil {
		return nil, err
	}
	return openapi.GetUsage200JSONResponse{
		Start: u.Start, End: u.End, Resolution: u.Resolution, Totals: usageTotals(u.Totals),
		Series: each(u.Series, usagePoint), Operations: each(u.Operations, usageOperation),
		Keys: each(u.Keys, usageHolder), Applications: each(u.Applications, usageHolder),
		Users: each(u.Users, usageHolder), Developers: each(u.Developers, usageHolder),
	}, nil
}

// GetKeyUsage implements openapi.StrictServerInterface.
func (s *Server) GetKeyUsage(ctx context.Context, r openapi.GetKeyUsageRequestObject) (openapi.GetKeyUsageResponseObject, error) {
	u, err := s.Usage.Key(ctx, r.ID, usage.RangeInput(r.Params))
	if err != nil {
		return nil, err
	}
	return openapi.GetKeyUsage200JSONResponse(usageOf(u)), nil
}

// GetApplicationUsage implements openapi.StrictServerInterface.
func (s *Server) GetApplicationUsage(
	ctx context.Context, r openapi.GetApplicationUsageRequestObject,
) (openapi.GetApplicationUsageResponseObject, error) {
	u, err := s.Usage.Application(ctx, r.AppID, usage.RangeInput(r.Params))
	if err != nil {
		return nil, err
	}
	return openapi.GetApplicationUsage200JSONResponse(usageOf(u)), nil
}

// GetUserUsage implements openapi.StrictServerInterface.
func (s *Server) GetUserUsage(ctx context.Context, r openapi.GetUserUsageRequestObject) (openapi.GetUserUsageResponseObject, error) {
	u, err := s.Usage.User(ctx, r.UserID, usage.RangeInput(r.Params))
	if err != nil {
		return nil, err
	}
	return openapi.GetUserUsage200JSONResponse(usageOf(u)), nil
}

func usageOf(u usage.Report) openapi.Usage {
	return openapi.Usage{
		Start: u.Start, End: u.End, Resolution: u.Resolution, Totals: usageTotals(u.Totals),
		Series: each(u.Series, usagePoint), Operations: each(u.Operations, usageOperation),
		Clients: each(u.Clients, func(n usage.Named) openapi.UsageClient {
			return openapi.UsageClient{Client: n.Name, Requests: n.Requests, LastUsedAt: n.LastUsedAt}
		}),
		Networks: each(u.Networks, func(n usage.Named) openapi.UsageNetwork {
			return openapi.UsageNetwork{Network: n.Name, Requests: n.Requests, LastUsedAt: n.LastUsedAt}
		}),
	}
}

func usageTotals(t usage.Tally) openapi.UsageTotals {
	return openapi.UsageTotals{Requests: t.Requests, Refused: t.Refused, Limited: t.Limited, Failed: t.Failed}
}

func usagePoint(s usage.Span) openapi.UsagePoint {
	return openapi.UsagePoint{Time: s.At, Requests: s.Requests, Refused: s.Refused, Limited: s.Limited, Failed: s.Failed}
}

func usageOperation(n usage.Named) openapi.UsageOperation {
	return openapi.UsageOperation{Operation: n.Name, Requests: n.Requests, Refused: n.Refused, Limited: n.Limited, Failed: n.Failed}
}

func usageHolder(n usage.Named) openapi.UsageHolder {
	return openapi.UsageHolder{ID: n.Name, Requests: n.Requests, Refused: n.Refused, Limited: n.Limited, Failed: n.Failed}
}

// each renders every item; an empty list is not null.
func each[T, R any](items []T, render func(T) R) []R {
	out := make([]R, len(items))
	for i, item := range items {
		out[i] = render(item)
	}
	return out
}
