package openwearables

import (
	"context"
	"iter"
	"time"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Tokens calls the API about the tokens of users.
type Tokens struct {
	link    *link
	stub    stub[owv1connect.TokenServiceClient]
	bare    *tokenRPC
	timeout time.Duration
}

func (s *Tokens) rpc() owv1connect.TokenServiceClient {
	return s.stub.on(s.link, owv1connect.NewTokenServiceClient)
}

// AppCredential authenticates an application. Create it with AppCredentials.
type AppCredential struct {
	id     string
	secret Secret
}

// AppCredentials returns the credential of an application's id and secret. It belongs
// on a server: whatever an app contains, its users can read.
func AppCredentials(id, secret string) AppCredential { return AppCredential{id, NewSecret(secret)} }

func (a AppCredential) check() error {
	for field, value := range map[string]string{"app_id": a.id, "app_secret": a.secret.Reveal()} {
		if value == "" {
			return invalidField(field, "is empty: is the environment variable set?")
		}
		if fault := fault(value); fault != "" {
			return invalidField(field, fault)
		}
	}
	return nil
}

// Exchange mints a token pair for a user with an application's secret. It does not
// use the client's own credential.
func (s *Tokens) Exchange(ctx context.Context, userID string, app AppCredential) (TokenPair, error) {
	if err := app.check(); err != nil {
		return TokenPair{}, err
	}
	ctx, cancel := withTimeout(ctx, s.timeout)
	defer cancel()
	pair, err := s.bare.exchange(ctx, userID, app)
	if err != nil {
		return TokenPair{}, err
	}
	return pair, nil
}

// Create mints a token pair for a user with the client's own credential.
func (s *Tokens) Create(ctx context.Context, userID string) (TokenPair, error) {
	res, err := s.rpc().CreateUserToken(ctx, &owv1.CreateUserTokenRequest{UserId: userID})
	if err != nil {
		return TokenPair{}, err
	}
	pair, failed := pairOf(res.GetTokens())
	if failed != nil {
		return TokenPair{}, failed
	}
	return pair, nil
}

// PairingCodeWithSecret is a pairing code with the code itself, which the server returns
// only once. PairingCode does not hold it.
type PairingCodeWithSecret struct {
	PairingCode *owv1.PairingCode
	Code        Secret
}

// CreatePairingCode makes a code of 8 letters and digits for a user, with which an app
// signs the user in by Pair: once, for 7 days. It ends the code that the user had.
func (s *Tokens) CreatePairingCode(ctx context.Context, userID string) (PairingCodeWithSecret, error) {
	res, err := s.rpc().CreatePairingCode(ctx, &owv1.CreatePairingCodeRequest{UserId: userID})
	made := res.GetPairingCode()
	if _, err := complete(made, made.GetId() != "" && made.GetCode() != "", err); err != nil {
		return PairingCodeWithSecret{}, err
	}
	code := NewSecret(made.GetCode())
	made.Code = ""
	return PairingCodeWithSecret{made, code}, nil
}

// RevokeAll revokes all tokens of a user, regardless of who minted them.
func (s *Tokens) RevokeAll(ctx context.Context, userID string) error {
	_, err := s.rpc().RevokeUserTokens(ctx, &owv1.RevokeUserTokensRequest{UserId: userID})
	return err
}

// Sessions yields the sessions of a user that have not ended, newest first. It fetches
// pages as needed.
func (s *Tokens) Sessions(ctx context.Context, userID string) iter.Seq2[*owv1.TokenSession, error] {
	return pages(nil, func(cursor *string) ([]*owv1.TokenSession, *string, error) {
		res, err := s.rpc().ListUserSessions(ctx, &owv1.ListUserSessionsRequest{UserId: userID, Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		return res.GetSessions(), res.NextCursor, nil
	})
}

// RevokeSession ends one session of a user.
func (s *Tokens) RevokeSession(ctx context.Context, userID, id string) error {
	_, err := s.rpc().RevokeUserSession(ctx, &owv1.RevokeUserSessionRequest{UserId: userID, SessionId: id})
	return err
}
