package openwearables_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// installation returns the installation that the examples call.
func installation() (base, email, password string) { return world.url, world.email, world.password }

func exampleUser(id string) *owv1.User {
	u, err := world.dev.Users.Create(context.Background(), &owv1.CreateUserRequest{ExternalUserId: &id})
	if err != nil {
		log.Fatal(err)
	}
	return u
}

func ExampleNew() {
	base, _, _ := installation()
	key, _ := world.dev.Keys.Create(context.Background(), &owv1.CreateKeyRequest{})

	c, err := openwearables.New(base, openwearables.WithAPIKey(key.Secret.Reveal()))
	if err != nil {
		log.Fatal(err)
	}
	id := "example-new"
	user, err := c.Users.Create(context.Background(), &owv1.CreateUserRequest{ExternalUserId: &id})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.GetExternalUserId())
	// Output: example-new
}

func ExampleLogin() {
	base, email, password := installation()
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	store := openwearables.WithStore(openwearables.FileStore(filepath.Join(dir, "session.json")))
	ctx := context.Background()

	if _, err := openwearables.Login(ctx, base, email, password, store); err != nil {
		log.Fatal(err)
	}

	// The next run finds the session in the file.
	s, err := openwearables.New(base, store)
	if err != nil {
		log.Fatal(err)
	}
	me, err := s.Sessions.Me(ctx)
	fmt.Println(me.GetEmail() == email, err)
	fmt.Println(s.SignOut(ctx))
	// Output:
	// true <nil>
	// <nil>
}

func ExampleTokens_Exchange() {
	base, _, _ := installation()
	app, _ := world.dev.Applications.Create(context.Background(), "example")
	user := exampleUser("example-exchange")

	c, err := openwearables.New(base)
	if err != nil {
		log.Fatal(err)
	}
	pair, err := c.Tokens.Exchange(context.Background(), user.GetId(),
		openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.HasPrefix(fmt.Sprint(pair.Refresh), "rt_…"), pair.ExpiresIn)
	// Output: true 1h0m0s
}

func ExampleClient_Connect() {
	c := world.dev
	h, opts := c.Connect()
	raw := owv1connect.NewSessionServiceClient(h, c.BaseURL(), opts)
	res, err := raw.GetMe(context.Background(), &owv1.GetMeRequest{})
	fmt.Println(res.GetDeveloper().GetEmail(), err)
	// Output: dev@example.com <nil>
}

func ExampleError() {
	base, _, _ := installation()
	c, err := openwearables.New(base, openwearables.WithAPIKey("ow_live_wrong"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Users.Page(context.Background(), &owv1.ListUsersRequest{})
	var e *openwearables.Error
	if errors.As(err, &e) {
		fmt.Println(e.Kind, e.Reason, e.RequestID != "")
	}
	fmt.Println(openwearables.IsUnauthenticated(err))
	// Output:
	// unauthenticated invalid_api_key true
	// true
}

func ExampleUsers_List() {
	ctx := context.Background()
	exampleUser("all-1")
	exampleUser("all-2")
	search, order := "all-", "asc"
	for u, err := range world.dev.Users.List(ctx, &owv1.ListUsersRequest{Search: &search, SortOrder: &order}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(u.GetExternalUserId())
	}
	// Output:
	// all-1
	// all-2
}

func ExampleWithResponseInfo() {
	ctx, info := openwearables.WithResponseInfo(context.Background())
	if _, err := world.dev.Sessions.Me(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.RequestID != "", info.RateLimit.Limit > info.RateLimit.Remaining)
	// Output: true true
}
