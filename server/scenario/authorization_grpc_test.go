package scenario_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"connectrpc.com/connect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// TestAuthorizationMatrixOverGRPC checks over gRPC and gRPC-Web, by example, what the matrix checks
// on the other surfaces: who is admitted, and the reason of each refusal.
func TestAuthorizationMatrixOverGRPC(t *testing.T) {
	n := start(t, unlimited, alerting)
	w := newFixture(t, n, rpcDriver{n, "application/proto"})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: contractTransport{t, transport}}

	for name, protocol := range map[string]connect.ClientOption{"gRPC": connect.WithGRPC(), "gRPC-Web": connect.WithGRPCWeb()} {
		users := openwearablesv1connect.NewUserServiceClient(client, n.url, protocol)
		keys := openwearablesv1connect.NewKeyServiceClient(client, n.url, protocol)
		workouts := openwearablesv1connect.NewWorkoutServiceClient(client, n.url, protocol)
		get := func(ctx context.Context, id string) error {
			_, err := users.GetUser(ctx, &owv1.GetUserRequest{Id: id})
			return err
		}
		create := func(ctx context.Context) error {
			_, err := users.CreateUser(ctx, &owv1.CreateUserRequest{})
			return err
		}
		list := func(ctx context.Context) error {
			_, err := keys.ListKeys(ctx, &owv1.ListKeysRequest{})
			return err
		}
		read := func(ctx context.Context, id string) error {
			_, err := workouts.ListWorkouts(ctx, &owv1.ListWorkoutsRequest{UserId: id, StartDate: "2026-03-01", EndDate: "2026-03-07"})
			return err
		}
		for _, c := range []struct {
			credential string
			err        func(context.Context) error
			code       connect.Code // 0: success
			reason     string
		}{
			{"", list, connect.CodeUnauthenticated, "missing_credential"},
			{w.admin, list, 0, ""},
			{w.fixed["key"], list, connect.CodePermissionDenied, "credential_not_allowed"},
			{w.fixed["off"], list, connect.CodeUnauthenticated, "invalid_api_key"},
			{w.fixed["late"], list, connect.CodeUnauthenticated, "token_expired"},
			{w.fixed["forged"], list, connect.CodeUnauthenticated, "invalid_token"},
			{w.fixed["key"], create, 0, ""},
			{w.keyWithout["users:write"], create, connect.CodePermissionDenied, "insufficient_scope"},
			{w.userToken, create, connect.CodePermissionDenied, "credential_not_allowed"},
			{w.userToken, func(ctx context.Context) error { return get(ctx, w.user) }, 0, ""},
			{w.userToken, func(ctx context.Context) error { return get(ctx, w.stranger) }, connect.CodePermissionDenied, "other_user"},
			{w.userToken, func(ctx context.Context) error { return read(ctx, w.user) }, 0, ""},
			{w.userToken, func(ctx context.Context) error { return read(ctx, w.stranger) }, connect.CodePermissionDenied, "other_user"},
			{w.admin, func(ctx context.Context) error { return get(ctx, "not-a-uuid") }, connect.CodeInvalidArgument, "invalid_request"},
			{w.admin, func(ctx context.Context) error { return get(ctx, w.session) }, connect.CodeNotFound, "not_found"},
		} {
			ctx, call := connect.NewClientContext(t.Context())
			if c.credential != "" {
				call.RequestHeader().Set("Authorization", "Bearer "+c.credential)
			}
			err := c.err(ctx)
			if c.code == 0 && err == nil {
				continue
			}
			if detail := errorDetail(err); connect.CodeOf(err) != c.code || detail.GetReason() != c.reason {
				t.Errorf("%s: %v %q, want %v %q", name, err, detail.GetReason(), c.code, c.reason)
			} else if scope := detail.GetRequiredScope(); (c.reason == "insufficient_scope") != (scope == "users:write") {
				t.Errorf("%s: %q asks for the scope %q", name, c.reason, scope)
			}
		}
	}
}

// errorDetail returns our detail of a Connect error, or nil.
func errorDetail(err error) *owv1.ErrorDetail {
	failure := new(connect.Error)
	if !errors.As(err, &failure) {
		return nil
	}
	for _, d := range failure.Details() {
		if v, err := d.Value(); err == nil {
			if detail, ok := v.(*owv1.ErrorDetail); ok {
				return detail
			}
		}
	}
	return nil
}
