package openwearables_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// second returns the error of a call.
func second[T any](_ T, err error) error { return err }

// promising returns the calls that return something, by method.
func promising(ctx context.Context, base string, c *openwearables.Client) map[string]func() error {
	workout := &owv1.WorkoutInput{}
	return map[string]func() error{
		"GetMe":                     func() error { return second(c.Sessions.Me(ctx)) },
		"UpdateMe":                  func() error { return second(c.Sessions.UpdateMe(ctx, nil)) },
		"CreateKey":                 func() error { return second(c.Keys.Create(ctx, nil)) },
		"RotateKey":                 func() error { return second(c.Keys.Rotate(ctx, "k", 0)) },
		"FinishKeyRotation":         func() error { return second(c.Keys.FinishRotation(ctx, "k")) },
		"GetKey":                    func() error { return second(c.Keys.Get(ctx, "k")) },
		"UpdateKey":                 func() error { return second(c.Keys.Update(ctx, nil)) },
		"DeleteKey":                 func() error { return second(c.Keys.Delete(ctx, "k")) },
		"CreateApplication":         func() error { return second(c.Applications.Create(ctx, "a")) },
		"RotateApplicationSecret":   func() error { return second(c.Applications.RotateSecret(ctx, "a", 0)) },
		"FinishApplicationRotation": func() error { return second(c.Applications.FinishRotation(ctx, "a")) },
		"GetApplication":            func() error { return second(c.Applications.Get(ctx, "a")) },
		"UpdateApplication":         func() error { return second(c.Applications.Rename(ctx, "a", "b")) },
		"CreateUser":                func() error { return second(c.Users.Create(ctx, nil)) },
		"GetUser":                   func() error { return second(c.Users.Get(ctx, "u")) },
		"UpdateUser":                func() error { return second(c.Users.Update(ctx, nil)) },
		"DeleteUser":                func() error { return second(c.Users.Delete(ctx, "u")) },
		"ListUsers":                 func() error { return second(c.Users.Page(ctx, nil)) },
		"ListWorkouts":              func() error { return second(c.Workouts.Page(ctx, nil)) },
		"UpsertWorkouts":            func() error { return second(c.Workouts.Upsert(ctx, "u", workout, nil)) },
		"DeleteWorkouts":            func() error { return second(c.Workouts.DeleteMany(ctx, "u", &owv1.WorkoutReference{})) },
		"Login":                     func() error { return second(openwearables.Login(ctx, base, "a@example.com", "x")) },
		"CreateFirstDeveloper":      func() error { return second(openwearables.Setup(ctx, base, "t", "a@example.com", "x")) },
		"CreateWebhookEndpoint":     func() error { return second(c.Webhooks.Create(ctx, nil)) },
		"GetWebhookEndpoint":        func() error { return second(c.Webhooks.Get(ctx, "w")) },
		"UpdateWebhookEndpoint":     func() error { return second(c.Webhooks.Update(ctx, nil)) },
		"RotateWebhookSecret":       func() error { return second(c.Webhooks.Rotate(ctx, "w", 0)) },
		"TestWebhookEndpoint":       func() error { return second(c.Webhooks.Test(ctx, "w")) },
		"GetDeveloper":              func() error { return second(c.Developers.Get(ctx, "d")) },
		"UpdateDeveloper":           func() error { return second(c.Developers.Update(ctx, nil)) },
		"DeleteDeveloper":           func() error { return second(c.Developers.Delete(ctx, "d")) },
		"GetInstallation":           func() error { return second(c.Installation.Get(ctx)) },
		"GetStats":                  func() error { return second(c.Installation.Stats(ctx)) },
		"CreateInvitation":          func() error { return second(c.Invitations.Create(ctx, "a@example.com")) },
		"RevokeInvitation":          func() error { return second(c.Invitations.Revoke(ctx, "i")) },
		"ResendInvitation":          func() error { return second(c.Invitations.Resend(ctx, "i")) },
		"AcceptInvitation":          func() error { return second(c.Invitations.Accept(ctx, nil)) },
		"VerifyCredential":          func() error { return second(c.Credentials.Verify(ctx, openwearables.NewSecret("s"), nil)) },
		"VerifyCredentials":         func() error { return second(c.Credentials.VerifyMany(ctx, &owv1.CredentialCheck{})) },
		"ExplainAccess":             func() error { return second(c.Credentials.Explain(ctx, openwearables.NewSecret("s"), nil)) },
		"CreatePairingCode":         func() error { return second(c.Tokens.CreatePairingCode(ctx, "u")) },
		"RedeemPairingCode": func() error {
			_, _, err := openwearables.Pair(ctx, base, "ABCDEFGH")
			return err
		},
		"CreateUserToken": func() error {
			return second(c.Tokens.Exchange(ctx, "u", openwearables.AppCredentials("app_x", "secret_x")))
		},
	}
}

// A response without what its call returns is an error, and the call is not repeated.
func TestEmptyResponsesAreErrors(t *testing.T) {
	ctx := t.Context()
	server := newHostile(t, respond(200, nil, "Content-Type", "application/proto"))
	c := newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"))
	for method, call := range promising(ctx, server.URL, c) {
		t.Run(method, func(t *testing.T) {
			isInvalidResponse(t, call())
			if n := server.requests(method); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
	isInvalidResponse(t, second(c.Tokens.Create(ctx, "u")))
	for _, err := range c.Users.List(ctx, nil) {
		isInvalidResponse(t, err)
	}
	for _, err := range c.Workouts.List(ctx, nil) {
		isInvalidResponse(t, err)
	}
}

// Half of what a call returns is not enough.
func TestPartsOfResponsesAreErrors(t *testing.T) {
	ctx, app := t.Context(), openwearables.AppCredentials("app_x", "secret_x")
	token := "t"
	for name, c := range map[string]struct {
		message proto.Message
		call    func(*openwearables.Client) error
	}{
		"a key without its secret": {
			&owv1.CreateKeyResponse{Key: &owv1.Key{Id: "k"}},
			func(c *openwearables.Client) error { return second(c.Keys.Create(ctx, &owv1.CreateKeyRequest{})) },
		},
		"a secret without its application": {
			&owv1.CreateApplicationResponse{AppSecret: "s"},
			func(c *openwearables.Client) error { return second(c.Applications.Create(ctx, "a")) },
		},
		"a user without an id": {
			&owv1.GetUserResponse{User: &owv1.User{}},
			func(c *openwearables.Client) error { return second(c.Users.Get(ctx, "u")) },
		},
		"a pair without an access token": {
			&owv1.CreateUserTokenResponse{Tokens: &owv1.TokenPair{RefreshToken: &token, ExpiresIn: 60}},
			func(c *openwearables.Client) error { return second(c.Tokens.Exchange(ctx, "u", app)) },
		},
		"a pair without a refresh token": {
			&owv1.CreateUserTokenResponse{Tokens: &owv1.TokenPair{AccessToken: token, ExpiresIn: 60}},
			func(c *openwearables.Client) error { return second(c.Tokens.Exchange(ctx, "u", app)) },
		},
		"a pair that has expired": {
			&owv1.CreateUserTokenResponse{Tokens: &owv1.TokenPair{AccessToken: token, RefreshToken: &token}},
			func(c *openwearables.Client) error { return second(c.Tokens.Create(ctx, "u")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := proto.Marshal(c.message)
			check(t, err)
			server := newHostile(t, respond(200, body, "Content-Type", "application/proto"))
			isInvalidResponse(t, c.call(newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"))))
		})
	}
}

// pager serves pages of users whose cursors next returns, by the number of the page
// from 1; "" is the last page. Each page has items users.
func pager(t *testing.T, items int, next func(page int) string) *hostile {
	var page atomic.Int32
	return newHostile(t, func(w http.ResponseWriter, r *http.Request) {
		res := &owv1.ListUsersResponse{Limit: 20}
		for range items {
			res.Items = append(res.Items, &owv1.User{Id: "u"})
		}
		if cursor := next(int(page.Add(1))); cursor != "" {
			res.NextCursor = &cursor
		}
		body, err := proto.Marshal(res)
		if err != nil {
			t.Error(err)
		}
		respond(200, body, "Content-Type", "application/proto")(w, r)
	})
}

// drain returns the number of users that an iterator yields, and its error.
func drain(t *testing.T, c *openwearables.Client, req *owv1.ListUsersRequest) (users int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, err := range c.Users.List(ctx, req) {
		if err != nil {
			return users, err
		}
		users++
	}
	return users, nil
}

// The lists of keys and applications are read page by page, each from the cursor of
// the one before.
func TestKeysAndApplicationsAreReadPageByPage(t *testing.T) {
	cursors := []string{"", "cursor-1", "cursor-2"}
	var page atomic.Int32
	server := newHostile(t, func(w http.ResponseWriter, r *http.Request) {
		n := int(page.Add(1)) - 1
		sent, err := io.ReadAll(r.Body)
		if asked := string(sent) + r.URL.RawQuery; err != nil || !strings.Contains(asked, cursors[n]) || n == 0 && strings.Contains(asked, "cursor") {
			t.Errorf("page %d is asked for by %q, %v", n, asked, err)
		}
		var next *string
		if n+1 < len(cursors) {
			next = &cursors[n+1]
		}
		var res proto.Message = &owv1.ListKeysResponse{Keys: []*owv1.Key{{Id: "a"}, {Id: "b"}}, NextCursor: next}
		if strings.HasSuffix(r.URL.Path, "ListApplications") {
			res = &owv1.ListApplicationsResponse{Applications: []*owv1.Application{{AppId: "a"}, {AppId: "b"}}, NextCursor: next}
		}
		body, err := proto.Marshal(res)
		if err != nil {
			t.Error(err)
		}
		respond(200, body, "Content-Type", "application/proto")(w, r)
	})
	c := newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"))
	var keys, apps string
	for key, err := range c.Keys.List(t.Context(), nil) {
		check(t, err)
		keys += key.GetId()
	}
	page.Store(0)
	for app, err := range c.Applications.List(t.Context()) {
		check(t, err)
		apps += app.GetAppId()
	}
	if keys != "ababab" || apps != "ababab" {
		t.Errorf("keys %s, applications %s", keys, apps)
	}
}

func TestNilRequestReadsAllPages(t *testing.T) {
	server := pager(t, 2, func(page int) string { return []string{"a", "b", ""}[page-1] })
	if n, err := drain(t, newClient(t, server.URL), nil); n != 6 || err != nil {
		t.Errorf("%d users, %v", n, err)
	}
	phone, user := newPhone(t)
	limit := int32(1)
	for _, err := range phone.Workouts.List(t.Context(), &owv1.ListWorkoutsRequest{UserId: user, StartDate: "2026-03-01", EndDate: "2026-03-02", Limit: &limit}) {
		check(t, err)
	}
	for _, err := range phone.Workouts.List(t.Context(), nil) {
		if !openwearables.IsInvalid(err) {
			t.Errorf("workouts of nobody: %v", err)
		}
	}
}

// A list that comes back to a cursor, or never ends, ends with an error.
func TestListsThatNeverEndAreErrors(t *testing.T) {
	sent := "sent"
	for name, c := range map[string]struct {
		req      *owv1.ListUsersRequest
		items    int
		next     func(page int) string
		requests int
	}{
		"the same cursor":            {nil, 1, func(int) string { return "a" }, 2},
		"the cursor of the request":  {&owv1.ListUsersRequest{Cursor: &sent}, 1, func(int) string { return sent }, 1},
		"a circle of three":          {nil, 1, func(page int) string { return strconv.Itoa(page % 3) }, 4},
		"a circle after a beginning": {nil, 1, func(page int) string { return strconv.Itoa(min(page, 10+page%4)) }, 17},
		"empty pages":                {nil, 0, strconv.Itoa, 1001},
		"a cursor of 10 KB":          {nil, 1, func(int) string { return string(make([]byte, 10_000)) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			server := pager(t, c.items, c.next)
			_, err := drain(t, newClient(t, server.URL), c.req)
			isInvalidResponse(t, err)
			if n := server.requests("ListUsers"); n > c.requests {
				t.Errorf("%d requests, want at most %d", n, c.requests)
			}
		})
	}
}

// Some empty pages before the end are not an error, nor is a long list.
func TestLongListsAreRead(t *testing.T) {
	server := pager(t, 1, func(page int) string {
		if page == 500 {
			return ""
		}
		return strconv.Itoa(page)
	})
	if n, err := drain(t, newClient(t, server.URL), nil); n != 500 || err != nil {
		t.Errorf("%d users, %v", n, err)
	}
}
