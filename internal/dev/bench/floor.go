package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"

	"golang.org/x/crypto/argon2"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// A floor is a handler of net/http with the least that a work must do: no credential,
// no limit, no log. Each is served by a process of its own, which is this program again.

const (
	floorVariable = "BENCH_FLOOR" // the address of the floor that this process is to be
	floorReady    = "the floor is ready"
)

// floorCommand returns the command that serves a floor.
func floorCommand(ctx context.Context, addr string, args ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), floorVariable+"="+addr)
	return cmd, nil
}

// serveFloor serves the floor of the arguments until the process ends.
func serveFloor(addr string, args []string) error {
	handler, err := newFloor(args)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println(floorReady)
	return http.Serve(listener, handler)
}

// newFloor returns the handler of a floor: its kind, and what that needs.
func newFloor(args []string) (http.Handler, error) {
	switch {
	case len(args) == 2 && args[0] == "rest":
		return constant(`{"id":"` + userID(0) + `","created_at":"2026-03-02T10:00:00Z","first_name":"Ada","last_name":"Number 0000",` +
			`"email":null,"external_user_id":"bench-0000","last_synced_at":null,"last_synced_provider":null,"has_active_connection":false}`), nil
	case len(args) == 2 && args[0] == "connect":
		return constant(`{"user":{"id":"` + userID(0) + `","createdAt":"2026-03-02T10:00:00Z","firstName":"Ada","lastName":"Number 0000",` +
			`"externalUserId":"bench-0000"}}`), nil
	case len(args) == 2 && args[0] == "connect-go":
		_, handler := owv1connect.NewUserServiceHandler(constantUser{})
		return handler, nil
	case len(args) == 2 && args[0] == "argon2id":
		return http.HandlerFunc(hashPassword), nil
	case len(args) == 2 && args[0] == "sqlite":
		return newSQLiteFloor(args[1], (*sqliteFloor).user)
	case len(args) == 2 && args[0] == "page":
		return newSQLiteFloor(args[1], (*sqliteFloor).page)
	case len(args) == 2 && args[0] == "commit":
		return newCommitFloor(args[1])
	case len(args) == 3 && args[0] == "postgres":
		return newPostgresFloor(args[1], args[2])
	default:
		return nil, fmt.Errorf("there is no floor %q", args)
	}
}

// constant answers every request, once it is read, with the same bytes.
type constant string

func (c constant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the connection is gone
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, string(c)) // else the connection is gone
}

// constantUser answers with the same user through the handler of connect-go.
type constantUser struct {
	owv1connect.UnimplementedUserServiceHandler
}

func (constantUser) GetUser(context.Context, *owv1.GetUserRequest) (*owv1.GetUserResponse, error) {
	first, last, external := "Ada", "Number 0000", "bench-0000"
	return &owv1.GetUserResponse{User: &owv1.User{
		Id: userID(0), CreatedAt: timestamppb.New(epoch), FirstName: &first, LastName: &last, ExternalUserId: &external,
	}}, nil
}

// hashPassword hashes a password at the cost that the product has for a login.
func hashPassword(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection is gone
	}
	answer(w, map[string]int{"bytes": len(argon2.IDKey(text, make([]byte, 16), 2, 19<<10, 1, 32))}, nil)
}

// answer answers with a value as JSON, or with the error.
func answer(w http.ResponseWriter, value any, err error) {
	text, failed := json.Marshal(value)
	if err = errors.Join(err, failed); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // else the connection is gone
}
