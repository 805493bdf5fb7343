package openwearablestest_test

import (
	"context"
	"fmt"
	"log"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func Example() {
	s := openwearablestest.NewServer()
	defer s.Close()
	c, err := openwearables.New(s.URL, openwearables.WithAPIKey(s.NewAPIKey("users:write")))
	if err != nil {
		log.Fatal(err)
	}
	// The server creates the user, and its answer is lost.
	s.Fail(1, openwearablestest.Fault{Drop: true}, "CreateUser")
	_, err = c.Users.Create(context.Background(), &owv1.CreateUserRequest{ExternalUserId: new("u-1")})
	fmt.Println(err)
	_, err = c.Users.Create(context.Background(), &owv1.CreateUserRequest{ExternalUserId: new("u-1")})
	fmt.Println(openwearables.IsConflict(err))
	// Output:
	// <nil>
	// true
}
