package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
)

// ReportCredential implements openapi.StrictServerInterface.
func (s *Server) ReportCredential(ctx context.Context, r openapi.ReportCredentialRequestObject) (openapi.ReportCredentialResponseObject, error) {
	if err := s.Auth.Leaks.Report(ctx, r.Body.Credential); err != nil {
		return nil, err
	}
	return openapi.ReportCredential204Response{}, nil
}
