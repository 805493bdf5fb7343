package openwearables

import (
	"context"
	"iter"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Sessions calls the API about the signed-in developer's account and sessions.
type Sessions struct {
	link *link
	stub stub[owv1connect.SessionServiceClient]
}

func (s *Sessions) rpc() owv1connect.SessionServiceClient {
	return s.stub.on(s.link, owv1connect.NewSessionServiceClient)
}

// Me returns the signed-in developer.
func (s *Sessions) Me(ctx context.Context) (*owv1.Developer, error) {
	res, err := s.rpc().GetMe(ctx, &owv1.GetMeRequest{})
	return object(res.GetDeveloper(), res.GetDeveloper().GetId(), err)
}

// UpdateMe changes the signed-in developer.
func (s *Sessions) UpdateMe(ctx context.Context, req *owv1.UpdateMeRequest) (*owv1.Developer, error) {
	res, err := s.rpc().UpdateMe(ctx, req)
	return object(res.GetDeveloper(), res.GetDeveloper().GetId(), err)
}

// ChangePassword sets a new password and ends every other session.
func (s *Sessions) ChangePassword(ctx context.Context, current, replacement Secret) error {
	_, err := s.rpc().ChangePassword(ctx, &owv1.ChangePasswordRequest{
		CurrentPassword: current.Reveal(), NewPassword: replacement.Reveal(), ConfirmPassword: replacement.Reveal(),
	})
	return err
}

// List yields the developer's active sessions, newest first.
func (s *Sessions) List(ctx context.Context) iter.Seq2[*owv1.Session, error] {
	return singlePage(func() ([]*owv1.Session, error) {
		res, err := s.rpc().ListSessions(ctx, &owv1.ListSessionsRequest{})
		return res.GetSessions(), err
	})
}

// Revoke ends one session.
func (s *Sessions) Revoke(ctx context.Context, id string) error {
	_, err := s.rpc().RevokeSession(ctx, &owv1.RevokeSessionRequest{Id: id})
	return err
}

// RevokeOthers ends every session of the developer except this one.
func (s *Sessions) RevokeOthers(ctx context.Context) error {
	_, err := s.rpc().RevokeOtherSessions(ctx, &owv1.RevokeOtherSessionsRequest{})
	return err
}

// Keys calls the API about the installation's API keys.
type Keys struct {
	link *link
	stub stub[owv1connect.KeyServiceClient]
}

func (s *Keys) rpc() owv1connect.KeyServiceClient {
	return s.stub.on(s.link, owv1connect.NewKeyServiceClient)
}

// KeyWithSecret is a key with its secret, which the server returns only once.
type KeyWithSecret struct {
	Key    *owv1.Key
	Secret Secret
}

func keyWithSecret(key *owv1.Key, secret string, err error) (KeyWithSecret, error) {
	if _, err = complete(key, key.GetId() != "" && secret != "", err); err != nil {
		return KeyWithSecret{}, err
	}
	return KeyWithSecret{key, NewSecret(secret)}, nil
}

// Create creates a key. Nil scopes stand for all of them; an empty list is refused,
// since on the way to the server it would become that too.
func (s *Keys) Create(ctx context.Context, req *owv1.CreateKeyRequest) (KeyWithSecret, error) {
	if err := notEmpty(req.GetScopes(), "for all scopes"); err != nil {
		return KeyWithSecret{}, err
	}
	res, err := s.rpc().CreateKey(ctx, req)
	return keyWithSecret(res.GetKey(), res.GetSecret(), err)
}

// Rotate gives the key a new secret. The old one stays valid for overlap, which is
// truncated to seconds.
func (s *Keys) Rotate(ctx context.Context, id string, overlap time.Duration) (KeyWithSecret, error) {
	res, err := s.rpc().RotateKey(ctx, &owv1.RotateKeyRequest{Id: id, OverlapSeconds: wholeSeconds(overlap)})
	return keyWithSecret(res.GetKey(), res.GetSecret(), err)
}

// FinishRotation ends the secret before the newest one of a key, which otherwise works
// until the overlap is over. Whether anything still uses it, Overlap of the key tells.
func (s *Keys) FinishRotation(ctx context.Context, id string) (*owv1.Key, error) {
	res, err := s.rpc().FinishKeyRotation(ctx, &owv1.FinishKeyRotationRequest{Id: id})
	return object(res.GetKey(), res.GetKey().GetId(), err)
}

// wholeSeconds returns d in seconds. A time that the API refuses stays one that it refuses.
func wholeSeconds(d time.Duration) int32 {
	s := math.Floor(d.Seconds())
	return int32(min(max(s, math.MinInt32), math.MaxInt32))
}

// Get returns one key.
func (s *Keys) Get(ctx context.Context, id string) (*owv1.Key, error) {
	res, err := s.rpc().GetKey(ctx, &owv1.GetKeyRequest{Id: id})
	return object(res.GetKey(), res.GetKey().GetId(), err)
}

// Update changes a key. Nil scopes leave them as they are; an empty list is refused.
// An empty list of networks is refused too, unless the mask names them: then the key may
// be used from everywhere.
func (s *Keys) Update(ctx context.Context, req *owv1.UpdateKeyRequest) (*owv1.Key, error) {
	if err := notEmpty(req.GetScopes(), "to leave them as they are"); err != nil {
		return nil, err
	}
	if n := req.GetAllowedNetworks(); n != nil && len(n) == 0 && !slices.Contains(req.GetUpdateMask().GetPaths(), "allowed_networks") {
		return nil, invalidField("allowed_networks", "the list is empty: to clear it, name it in the UpdateMask, or leave it nil to keep the networks")
	}
	res, err := s.rpc().UpdateKey(ctx, req)
	return object(res.GetKey(), res.GetKey().GetId(), err)
}

// notEmpty refuses a list of scopes that is not nil and empty, and says what nil is
// for. It returns an error, not an *Error, so that its nil is one.
func notEmpty(scopes []string, otherwise string) error {
	if scopes == nil || len(scopes) > 0 {
		return nil
	}
	return invalidField("scopes", "the list is empty: name at least one, or leave it nil "+otherwise)
}

// Delete deletes a key and the tokens that it minted, and returns the deleted key.
func (s *Keys) Delete(ctx context.Context, id string) (*owv1.Key, error) {
	res, err := s.rpc().DeleteKey(ctx, &owv1.DeleteKeyRequest{Id: id})
	return object(res.GetKey(), res.GetKey().GetId(), err)
}

// List yields keys, newest first, from the page of req on; nil is all of them. It fetches
// pages as needed and ends after an error. It does not modify req.
func (s *Keys) List(ctx context.Context, req *owv1.ListKeysRequest) iter.Seq2[*owv1.Key, error] {
	req = given(req)
	return pages(req.Cursor, func(cursor *string) ([]*owv1.Key, *string, error) {
		next := proto.CloneOf(req)
		next.Cursor = cursor
		res, err := s.rpc().ListKeys(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		return res.GetKeys(), res.NextCursor, nil
	})
}

// Applications calls the API about the installation's applications.
type Applications struct {
	link *link
	stub stub[owv1connect.ApplicationServiceClient]
}

func (s *Applications) rpc() owv1connect.ApplicationServiceClient {
	return s.stub.on(s.link, owv1connect.NewApplicationServiceClient)
}

// ApplicationWithSecret is an application with its secret, which the server returns
// only once.
type ApplicationWithSecret struct {
	Application *owv1.Application
	Secret      Secret
}

func applicationWithSecret(app *owv1.Application, secret string, err error) (ApplicationWithSecret, error) {
	if _, err = complete(app, app.GetAppId() != "" && secret != "", err); err != nil {
		return ApplicationWithSecret{}, err
	}
	return ApplicationWithSecret{app, NewSecret(secret)}, nil
}

// Create creates an application.
func (s *Applications) Create(ctx context.Context, name string) (ApplicationWithSecret, error) {
	res, err := s.rpc().CreateApplication(ctx, &owv1.CreateApplicationRequest{Name: name})
	return applicationWithSecret(res.GetApplication(), res.GetAppSecret(), err)
}

// RotateSecret gives the application a new secret. The old one stays valid for
// overlap, which is truncated to seconds.
func (s *Applications) RotateSecret(ctx context.Context, appID string, overlap time.Duration) (ApplicationWithSecret, error) {
	res, err := s.rpc().RotateApplicationSecret(ctx, &owv1.RotateApplicationSecretRequest{
		AppId: appID, OverlapSeconds: wholeSeconds(overlap),
	})
	return applicationWithSecret(res.GetApplication(), res.GetAppSecret(), err)
}

// FinishRotation ends the secret before the newest one of an application, which
// otherwise works until the overlap is over. Whether anything still uses it,
// Overlap of the application tells.
func (s *Applications) FinishRotation(ctx context.Context, appID string) (*owv1.Application, error) {
	res, err := s.rpc().FinishApplicationRotation(ctx, &owv1.FinishApplicationRotationRequest{AppId: appID})
	return object(res.GetApplication(), res.GetApplication().GetAppId(), err)
}

// Get returns one application.
func (s *Applications) Get(ctx context.Context, appID string) (*owv1.Application, error) {
	res, err := s.rpc().GetApplication(ctx, &owv1.GetApplicationRequest{AppId: appID})
	return object(res.GetApplication(), res.GetApplication().GetAppId(), err)
}

// Rename renames an application.
func (s *Applications) Rename(ctx context.Context, appID, name string) (*owv1.Application, error) {
	res, err := s.rpc().UpdateApplication(ctx, &owv1.UpdateApplicationRequest{AppId: appID, Name: &name})
	return object(res.GetApplication(), res.GetApplication().GetAppId(), err)
}

// Delete deletes an application and the tokens that it minted.
func (s *Applications) Delete(ctx context.Context, appID string) error {
	_, err := s.rpc().DeleteApplication(ctx, &owv1.DeleteApplicationRequest{AppId: appID})
	return err
}

// List yields all applications, newest first. It fetches pages as needed and ends
// after an error.
func (s *Applications) List(ctx context.Context) iter.Seq2[*owv1.Application, error] {
	return pages(nil, func(cursor *string) ([]*owv1.Application, *string, error) {
		res, err := s.rpc().ListApplications(ctx, &owv1.ListApplicationsRequest{Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		return res.GetApplications(), res.NextCursor, nil
	})
}

// Users calls the API about the users whose data the installation holds.
type Users struct {
	link *link
	stub stub[owv1connect.UserServiceClient]
}

func (s *Users) rpc() owv1connect.UserServiceClient {
	return s.stub.on(s.link, owv1connect.NewUserServiceClient)
}

// Create creates a user. It is repeated with its Idempotency-Key, so that it creates
// one.
func (s *Users) Create(ctx context.Context, req *owv1.CreateUserRequest) (*owv1.User, error) {
	res, err := s.rpc().CreateUser(ctx, req)
	return object(res.GetUser(), res.GetUser().GetId(), err)
}

// Get returns one user.
func (s *Users) Get(ctx context.Context, id string) (*owv1.User, error) {
	res, err := s.rpc().GetUser(ctx, &owv1.GetUserRequest{Id: id})
	return object(res.GetUser(), res.GetUser().GetId(), err)
}

// Update changes a user.
func (s *Users) Update(ctx context.Context, req *owv1.UpdateUserRequest) (*owv1.User, error) {
	res, err := s.rpc().UpdateUser(ctx, req)
	return object(res.GetUser(), res.GetUser().GetId(), err)
}

// Delete deletes a user with all data and tokens, and returns the deleted user.
func (s *Users) Delete(ctx context.Context, id string) (*owv1.User, error) {
	res, err := s.rpc().DeleteUser(ctx, &owv1.DeleteUserRequest{Id: id})
	return object(res.GetUser(), res.GetUser().GetId(), err)
}

// Page returns one page.
func (s *Users) Page(ctx context.Context, req *owv1.ListUsersRequest) (*owv1.ListUsersResponse, error) {
	res, err := s.rpc().ListUsers(ctx, req)
	return complete(res, res.GetLimit() > 0, err)
}

// List yields the users from the page of req on. It fetches pages as needed and ends
// after an error. It does not modify req; nil asks for all users.
func (s *Users) List(ctx context.Context, req *owv1.ListUsersRequest) iter.Seq2[*owv1.User, error] {
	if req == nil {
		req = &owv1.ListUsersRequest{}
	}
	return pages(req.Cursor, func(cursor *string) ([]*owv1.User, *string, error) {
		next := proto.CloneOf(req)
		next.Cursor = cursor
		res, err := s.Page(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		return res.GetItems(), res.NextCursor, nil
	})
}
