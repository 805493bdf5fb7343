package main_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// bareVariable names the database of a bare server, which the test program is while
// it is set.
const bareVariable = "BENCH_BARE"

// bareUser is what a bare server reads and answers.
type bareUser struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	FirstName *string   `json:"first_name"`
	LastName  *string   `json:"last_name"`
	Email     *string   `json:"email"`
	External  *string   `json:"external_user_id"`
}

// bare answers without authentication, limits, log or metrics: what net/http, Connect
// and SQLite alone take.
type bare struct {
	openwearablesv1connect.UnimplementedUserServiceHandler
	user *sql.Stmt
}

// bareVerifier answers each verification with a constant.
type bareVerifier struct {
	openwearablesv1connect.UnimplementedCredentialServiceHandler
}

func (bareVerifier) VerifyCredential(context.Context, *owv1.VerifyCredentialRequest) (*owv1.VerifyCredentialResponse, error) {
	return &owv1.VerifyCredentialResponse{Verification: &owv1.Verification{
		Valid: true, Reason: "valid", Message: "The credential is valid", Kind: new("api_key"), Subject: new("key:key_0123456789abcdef"),
		Scopes: []string{"users:read", "users:write", "workouts:read", "workouts:write", "tokens:write", "audit:read", "credentials:verify"},
		Limit:  &owv1.CredentialLimit{Limit: 1_000_000_000, Remaining: 999_999_999, ResetAt: timestamppb.Now()}, Environment: new("live"),
	}}, nil
}

// GetUser answers with a constant.
func (b *bare) GetUser(context.Context, *owv1.GetUserRequest) (*owv1.GetUserResponse, error) {
	return &owv1.GetUserResponse{User: &owv1.User{Id: "00000000-0000-4000-8000-000000000000"}}, nil
}

// read answers with the user that it reads.
func (b *bare) read(w http.ResponseWriter, r *http.Request) {
	var u bareUser
	var created int64
	row := b.user.QueryRowContext(r.Context(), r.PathValue("id"))
	if err := row.Scan(&u.ID, &created, &u.FirstName, &u.LastName, &u.Email, &u.External); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	u.CreatedAt = time.UnixMicro(created).UTC()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(u) // an error means that the client has gone
}

// serveBare is the program of a bare server. It ends by a signal.
func serveBare(database string) int {
	err := func() error {
		pool, err := sql.Open("sqlite", "file:"+database+"?mode=ro&_pragma=query_only(ON)")
		if err != nil {
			return err
		}
		b := new(bare)
		b.user, err = pool.Prepare("SELECT id, created_at, first_name, last_name, email, external_user_id FROM users WHERE id = ?")
		if err != nil {
			return err
		}
		constant, err := json.Marshal(bareUser{ID: "00000000-0000-4000-8000-000000000000"})
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.Handle(openwearablesv1connect.NewUserServiceHandler(b))
		mux.Handle(openwearablesv1connect.NewCredentialServiceHandler(bareVerifier{}))
		mux.HandleFunc("GET /read/{id}", b.read)
		mux.HandleFunc("GET /constant/{id}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(constant)
		})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Printf("openwearables is ready on http://%s (reference: none/docs)\n", l.Addr())
		return http.Serve(l, mux)
	}()
	fmt.Fprintln(os.Stderr, err)
	return 1
}
