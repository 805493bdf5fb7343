package openwearables

import (
	"context"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Credentials calls the API about whether a credential is good, for services that are
// handed one. A key needs the scope credentials:verify.
type Credentials struct {
	link *link
	stub stub[owv1connect.CredentialServiceClient]
}

func (s *Credentials) rpc() owv1connect.CredentialServiceClient {
	return s.stub.on(s.link, owv1connect.NewCredentialServiceClient)
}

// Verify tells whether a credential is good, and what it stands for: an API key, or an
// access token. One that is not is no error; its Reason says why. The other fields of
// req are the conditions, nil is none; it does not modify req. Do not keep the answer:
// an end is known as soon as it is made, and ask for each request.
func (s *Credentials) Verify(ctx context.Context, credential Secret, req *owv1.VerifyCredentialRequest) (*owv1.Verification, error) {
	asked := &owv1.VerifyCredentialRequest{}
	if req != nil {
		asked = proto.CloneOf(req)
	}
	asked.Credential = credential.Reveal()
	res, err := s.rpc().VerifyCredential(ctx, asked)
	return object(res.GetVerification(), res.GetVerification().GetReason(), err)
}

// VerifyMany tells of 1 to 100 credentials, in their order. It answers all or fails.
func (s *Credentials) VerifyMany(ctx context.Context, checks ...*owv1.CredentialCheck) ([]*owv1.Verification, error) {
	res, err := s.rpc().VerifyCredentials(ctx, &owv1.VerifyCredentialsRequest{Checks: checks})
	if _, err := complete(res, len(res.GetVerifications()) == len(checks) && len(checks) > 0, err); err != nil {
		return nil, err
	}
	return res.GetVerifications(), nil
}

// Explain names each check that a request with the credential would pass through, which
// of them fails, and what would mend it. It is no use of the credential. The other fields
// of req are as in Verify.
func (s *Credentials) Explain(ctx context.Context, credential Secret, req *owv1.ExplainAccessRequest) (*owv1.ExplainAccessResponse, error) {
	asked := &owv1.ExplainAccessRequest{}
	if req != nil {
		asked = proto.CloneOf(req)
	}
	asked.Credential = credential.Reveal()
	res, err := s.rpc().ExplainAccess(ctx, asked)
	return object(res, res.GetVerification().GetReason(), err)
}
