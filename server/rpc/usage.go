package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/usage"
)

// usageRange is what every request of UsageService has.
type usageRange interface {
	GetStart() *timestamppb.Timestamp
	GetEnd() *timestamppb.Timestamp
}

func rangeOf(r usageRange, resolution *string) usage.RangeInput {
	return usage.RangeInput{Start: optionalInstant(r.GetStart()), End: optionalInstant(r.GetEnd()), Resolution: resolution}
}

// GetUsage implements openwearablesv1connect.UsageServiceHandler.
func (s *Server) GetUsage(ctx context.Context, r *owv1.GetUsageRequest) (*owv1.GetUsageResponse, error) {
	u, err := s.Usage.Account(ctx, rangeOf(r, r.Resolution))
	if err != nil {
		return nil, err
	}
	return &owv1.GetUsageResponse{Usage: &owv1.AccountUsage{
		Start: stamp(u.Start), End: stamp(u.End), Resolution: u.Resolution, Totals: usageTotals(u.Totals),
		Series: each(u.Series, usagePoint), Operations: each(u.Operations, usageOperation),
		Keys: each(u.Keys, usageHolder), Applications: each(u.Applications, usageHolder),
		Users: each(u.Users, usageHolder), Developers: each(u.Developers, usageHolder),
	}}, nil
}

// GetKeyUsage implements openwearablesv1connect.UsageServiceHandler.
func (s *Server) GetKeyUsage(ctx context.Context, r *owv1.GetKeyUsageRequest) (*owv1.GetKeyUsageResponse, error) {
	u, err := s.Usage.Key(ctx, r.GetId(), rangeOf(r, r.Resolution))
	if err != nil {
		return nil, err
	}
	return &owv1.GetKeyUsageResponse{Usage: usageOf(u)}, nil
}

// GetApplicationUsage implements openwearablesv1connect.UsageServiceHandler.
func (s *Server) GetApplicationUsage(ctx context.Context, r *owv1.GetApplicationUsageRequest) (*owv1.GetApplicationUsageResponse, error) {
	u, err := s.Usage.Application(ctx, r.GetAppId(), rangeOf(r, r.Resolution))
	if err != nil {
		return nil, err
	}
	return &owv1.GetApplicationUsageResponse{Usage: usageOf(u)}, nil
}

// GetUserUsage implements openwearablesv1connect.UsageServiceHandler.
func (s *Server) GetUserUsage(ctx context.Context, r *owv1.GetUserUsageRequest) (*owv1.GetUserUsageResponse, error) {
	u, err := s.Usage.User(ctx, r.GetUserId(), rangeOf(r, r.Resolution))
	if err != nil {
		return nil, err
	}
	return &owv1.GetUserUsageResponse{Usage: usageOf(u)}, nil
}

func usageOf(u usage.Report) *owv1.Usage {
	return &owv1.Usage{
		Start: stamp(u.Start), End: stamp(u.End), Resolution: u.Resolution, Totals: usageTotals(u.Totals),
		Series: each(u.Series, usagePoint), Operations: each(u.Operations, usageOperation),
		Clients: each(u.Clients, func(n usage.Named) *owv1.UsageClient {
			return &owv1.UsageClient{Client: n.Name, Requests: n.Requests, LastUsedAt: stamp(n.LastUsedAt)}
		}),
		Networks: each(u.Networks, func(n usage.Named) *owv1.UsageNetwork {
			return &owv1.UsageNetwork{Network: n.Name, Requests: n.Requests, LastUsedAt: stamp(n.LastUsedAt)}
		}),
	}
}

func usageTotals(t usage.Tally) *owv1.UsageTotals {
	return &owv1.UsageTotals{Requests: t.Requests, Refused: t.Refused, Limited: t.Limited, Failed: t.Failed}
}

func usagePoint(s usage.Span) *owv1.UsagePoint {
	return &owv1.UsagePoint{Time: stamp(s.At), Requests: s.Requests, Refused: s.Refused, Limited: s.Limited, Failed: s.Failed}
}

func usageOperation(n usage.Named) *owv1.UsageOperation {
	return &owv1.UsageOperation{Operation: n.Name, Requests: n.Requests, Refused: n.Refused, Limited: n.Limited, Failed: n.Failed}
}

func usageHolder(n usage.Named) *owv1.UsageHolder {
	return &owv1.UsageHolder{Id: n.Name, Requests: n.Requests, Refused: n.Refused, Limited: n.Limited, Failed: n.Failed}
}

func each[T, R any](items []T, render func(T) R) []R {
	out := make([]R, len(items))
	for i, item := range items {
		out[i] = render(item)
	}
	return out
}
