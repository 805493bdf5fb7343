package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// ReportCredential implements openapi.StrictServerInterface.
func (s *Server) ReportCredential(ctx context.Context, r openapi.ReportCredentialRequestObject) (openapi.ReportCredentialResponseObject, error) {
	if err := s.Auth.Leaks.Report(ctx, r.Body.Credential); err != nil {
		return nil, err
	}
	return openapi.ReportCredential204Response{}, nil
}

// VerifyCredential implements openapi.StrictServerInterface.
func (s *Server) VerifyCredential(ctx context.Context, r openapi.VerifyCredentialRequestObject) (openapi.VerifyCredentialResponseObject, error) {
	v, err := s.Auth.Verifications.Verify(ctx, credentialCheck(openapi.CredentialCheck(*r.Body)))
	if err != nil {
		return nil, err
	}
	return openapi.VerifyCredential200JSONResponse(verificationOf(v)), nil
}

// VerifyCredentials implements openapi.StrictServerInterface.
func (s *Server) VerifyCredentials(ctx context.Context, r openapi.VerifyCredentialsRequestObject) (openapi.VerifyCredentialsResponseObject, error) {
	all, err := s.Auth.Verifications.VerifyAll(ctx, each(r.Body.Checks, credentialCheck))
	if err != nil {
		return nil, err
	}
	return openapi.VerifyCredentials200JSONResponse{Verifications: each(all, verificationOf)}, nil
}

// ExplainAccess implements openapi.StrictServerInterface.
func (s *Server) ExplainAccess(ctx context.Context, r openapi.ExplainAccessRequestObject) (openapi.ExplainAccessResponseObject, error) {
	b := r.Body
	v, checks, err := s.Auth.Verifications.Explain(ctx, auth.CredentialCheck{
		Credential: b.Credential, Operation: b.Operation, Scope: b.Scope, UserID: b.UserID, Environment: b.Environment, IP: b.IP,
	})
	if err != nil {
		return nil, err
	}
	return openapi.ExplainAccess200JSONResponse{
		Verification: verificationOf(v), Checks: each(checks, func(c auth.AccessCheck) openapi.AccessCheck { return openapi.AccessCheck(c) }),
	}, nil
}

func credentialCheck(c openapi.CredentialCheck) auth.CredentialCheck {
	return auth.CredentialCheck{
		Credential: c.Credential, Operation: c.Operation, Scope: c.Scope, UserID: c.UserID, Environment: c.Environment, IP: c.IP,
		Spend: valueOrZero(c.Spend),
	}
}

func verificationOf(v auth.Verification) openapi.Verification {
	return openapi.Verification{
		Valid: v.Valid, Reason: v.Reason, Message: v.Message, Kind: v.Kind, Subject: v.Subject, Scopes: v.Scopes, UserID: v.UserID,
		AppID: v.AppID, Environment: v.Environment, ExpiresAt: v.ExpiresAt, Limit: (*openapi.CredentialLimit)(v.Limit),
		RequiredScope: v.RequiredScope,
	}
}
