package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// ReportCredential implements openwearablesv1connect.CredentialServiceHandler.
func (s *Server) ReportCredential(ctx context.Context, r *owv1.ReportCredentialRequest) (*owv1.ReportCredentialResponse, error) {
	if err := s.Auth.Leaks.Report(ctx, r.GetCredential()); err != nil {
		return nil, err
	}
	return &owv1.ReportCredentialResponse{}, nil
}
