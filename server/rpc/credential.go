package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

// ReportCredential implements openwearablesv1connect.CredentialServiceHandler.
func (s *Server) ReportCredential(ctx context.Context, r *owv1.ReportCredentialRequest) (*owv1.ReportCredentialResponse, error) {
	if err := s.Auth.Leaks.Report(ctx, r.GetCredential()); err != nil {
		return nil, err
	}
	return &owv1.ReportCredentialResponse{}, nil
}

// VerifyCredential implements openwearablesv1connect.CredentialServiceHandler.
func (s *Server) VerifyCredential(ctx context.Context, r *owv1.VerifyCredentialRequest) (*owv1.VerifyCredentialResponse, error) {
	v, err := s.Auth.Verifications.Verify(ctx, auth.CredentialCheck{
		Credential: r.GetCredential(), Operation: r.Operation, Scope: r.Scope, UserID: r.UserId, Environment: r.Environment, IP: r.Ip,
		Spend: r.GetSpend(),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.VerifyCredentialResponse{Verification: verificationOf(v)}, nil
}

// VerifyCredentials implements openwearablesv1connect.CredentialServiceHandler.
func (s *Server) VerifyCredentials(ctx context.Context, r *owv1.VerifyCredentialsRequest) (*owv1.VerifyCredentialsResponse, error) {
	all, err := s.Auth.Verifications.VerifyAll(ctx, each(r.GetChecks(), credentialCheck))
	if err != nil {
		return nil, err
	}
	return &owv1.VerifyCredentialsResponse{Verifications: each(all, verificationOf)}, nil
}

// ExplainAccess implements openwearablesv1connect.CredentialServiceHandler.
func (s *Server) ExplainAccess(ctx context.Context, r *owv1.ExplainAccessRequest) (*owv1.ExplainAccessResponse, error) {
	v, checks, err := s.Auth.Verifications.Explain(ctx, auth.CredentialCheck{
		Credential: r.GetCredential(), Operation: r.Operation, Scope: r.Scope, UserID: r.UserId, Environment: r.Environment, IP: r.Ip,
	})
	if err != nil {
		return nil, err
	}
	out := &owv1.ExplainAccessResponse{Verification: verificationOf(v)}
	for _, c := range checks {
		out.Checks = append(out.Checks, &owv1.AccessCheck{Name: c.Name, Outcome: c.Outcome, Description: c.Description, Fix: c.Fix})
	}
	return out, nil
}

func credentialCheck(c *owv1.CredentialCheck) auth.CredentialCheck {
	return auth.CredentialCheck{
		Credential: c.GetCredential(), Operation: c.Operation, Scope: c.Scope, UserID: c.UserId, Environment: c.Environment, IP: c.Ip,
		Spend: c.GetSpend(),
	}
}

func verificationOf(v auth.Verification) *owv1.Verification {
	out := &owv1.Verification{
		Valid: v.Valid, Reason: v.Reason, Message: v.Message, Kind: v.Kind, Subject: v.Subject, Scopes: v.Scopes, UserId: v.UserID,
		AppId: v.AppID, Environment: v.Environment, ExpiresAt: optionalStamp(v.ExpiresAt), RequiredScope: v.RequiredScope,
	}
	if l := v.Limit; l != nil {
		out.Limit = &owv1.CredentialLimit{Limit: l.Limit, Remaining: l.Remaining, ResetAt: stamp(l.ResetAt)}
	}
	return out
}
