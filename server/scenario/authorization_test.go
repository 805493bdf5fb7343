package scenario_test

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// authorizationMatrix defines who may call what. The file explains its own format.
//
//go:embed testdata/authorization.txt
var authorizationMatrix string

// matrixRow is an operation, its target, and the expected answer to each credential.
type matrixRow struct {
	operation, scope, target string
	cells                    map[string]string // by credential
}

// refusals maps the code of a refusal in the matrix to its status and reason.
var refusals = map[string]struct {
	status int
	reason string
}{
	"-k": {401, "missing_credential"},
	"ik": {401, "invalid_api_key"},
	"it": {401, "invalid_token"},
	"te": {401, "token_expired"},
	"st": {401, "invalid_setup_token"},
	"na": {403, "credential_not_allowed"},
	"is": {403, "insufficient_scope"},
	"ou": {403, "other_user"},
	"mc": {400, "missing_credentials"},
	"nf": {404, "not_found"},
	"in": {422, "invalid_request"},
}

// readMatrix returns the columns (credentials) and rows of the matrix in file order.
func readMatrix(t *testing.T) (credentials []string, rows []matrixRow) {
	t.Helper()
	for line := range strings.Lines(authorizationMatrix) {
		fields := slices.DeleteFunc(strings.Fields(line), func(f string) bool { return f == "|" })
		switch {
		case len(fields) == 0 || fields[0] == "#" || strings.HasPrefix(fields[0], "#"):
		case credentials == nil:
			credentials = fields[3:]
		case len(fields) != 3+len(credentials):
			t.Fatalf("a row has %d cells: %s", len(fields)-3, line)
		default:
			row := matrixRow{fields[0], fields[1], fields[2], make(map[string]string)}
			for i, cell := range fields[3:] {
				row.cells[credentials[i]] = cell
			}
			rows = append(rows, row)
		}
	}
	return credentials, rows
}

// TestEveryOperationIsInTheMatrix checks that the matrix has rows for every operation of
// openapi.yaml. An operation with path parameters needs a row for each kind of target.
func TestEveryOperationIsInTheMatrix(t *testing.T) {
	_, rows := readMatrix(t)
	declared := make(map[string][]string)
	for _, r := range rows {
		if _, ok := restRouteOf()[r.operation]; !ok {
			t.Errorf("the matrix has %s, openapi.yaml has not", r.operation)
		}
		if slices.Contains(declared[r.operation], r.target) {
			t.Errorf("the matrix has %s %s twice", r.operation, r.target)
		}
		declared[r.operation] = append(declared[r.operation], r.target)
	}
	for operation := range restRouteOf() {
		want := []string{"-"}
		if ids, uuids := pathParameters(operation); strings.HasSuffix(operation, "Alert") {
			want = []string{"own", "gone", "bad"} // all developers have the same alerts
		} else if len(uuids) > 0 {
			want = []string{"own", "other", "gone", "bad"}
		} else if len(ids) > 0 {
			want = []string{"own", "gone"}
		}
		for _, target := range want {
			if !slices.Contains(declared[operation], target) {
				t.Errorf("the matrix has no row for %s with target %q", operation, target)
			}
		}
	}
}

// pathParameters returns the names of an operation's path parameters, and which of them are UUIDs.
func pathParameters(operation string) (all, uuids []string) {
	for _, p := range restRouteOf()[operation].operation.Parameters {
		if p.Value.In != "path" {
			continue
		}
		all = append(all, p.Value.Name)
		if p.Value.Schema.Value.Format == "uuid" {
			uuids = append(uuids, p.Value.Name)
		}
	}
	return all, uuids
}

// TestAuthorizationMatrix presents every credential to every operation on every surface and
// compares the answer with the matrix. Only minting operations may answer with a secret.
func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()
	credentials, rows := readMatrix(t)
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		w := newFixture(t, n, d)
		for _, row := range rows {
			for _, credential := range credentials {
				for _, in := range w.arguments(row) {
					w.check(t, row, credential, in)
				}
			}
		}
	}, unlimited, alerting)
}

// repairs recreates what a successful call of the operation removed.
var repairs = map[string]func(*fixture, *testing.T){
	"Logout": (*fixture).makeSession, "RevokeSession": (*fixture).makeSession,
	"ChangePassword": (*fixture).adoptCurrentSession, "RevokeOtherSessions": (*fixture).adoptCurrentSession,
	"DeleteDeveloper": (*fixture).makeNewTeam, "DeleteKey": (*fixture).makeKey, "DeleteApplication": (*fixture).makeApp,
	"RevokeInvitation": (*fixture).makeInvitations, "AcceptInvitation": (*fixture).makeInvitations,
	"CreateWebhookEndpoint": (*fixture).makeWebhook, "DeleteWebhookEndpoint": (*fixture).makeWebhook,
	"DeleteUser": (*fixture).makeUsers, "RevokeUserTokens": (*fixture).makeTokens, "RevokeUserSession": (*fixture).makeTokens, "DeleteWorkout": (*fixture).makeWorkouts,
}

// check calls a row's operation with a credential and compares the answer with the cell.
func (w *fixture) check(t *testing.T, row matrixRow, credential string, in args) {
	t.Helper()
	cell := row.cells[credential]
	a := w.d.call(t, row.operation, in, w.authorization(credential, row.scope)...)
	where := fmt.Sprintf("%s %s with %q", row.operation, row.target, credential)
	if want, refused := refusals[cell]; refused {
		if a.Status != want.status || a.Reason != want.reason {
			t.Errorf("%s answers %d %q, want %d %q", where, a.Status, a.Reason, want.status, want.reason)
		}
	} else if strconv.Itoa(a.Status) != cell {
		t.Errorf("%s answers %d %q %v, want %s", where, a.Status, a.Reason, a.Fields, cell)
	}
	if cell == "is" && a.Scope != row.scope {
		t.Errorf("%s asks for the scope %q, want %q", where, a.Scope, row.scope)
	}
	if !mintingOperations[row.operation] {
		a.noSecret(t)
	}
	if a.Status < 300 {
		w.repair(t, row.operation, a)
	}
}

// repair recreates what the operation removed, and keeps what its answer replaced.
func (w *fixture) repair(t *testing.T, operation string, a answer) {
	t.Helper()
	switch operation {
	case "RefreshToken":
		w.refresh = a.str("refresh_token")
	case "ChangePassword":
		w.n.password += "!"
	}
	if repair := repairs[operation]; repair != nil {
		repair(w, t)
	}
}

// mintingOperations are the operations whose answer contains a secret.
var mintingOperations = map[string]bool{
	"Login": true, "RefreshToken": true, "CreateKey": true, "RotateKey": true,
	"CreateApplication": true, "RotateApplicationSecret": true, "CreateUserToken": true,
	"CreateWebhookEndpoint": true, "RotateWebhookSecret": true, "RedeemPairingCode": true,
}
