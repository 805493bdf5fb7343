package auth

import (
	"context"
	"maps"
	"slices"
)

// access says who may call an operation that takes its credential in a header.
type access struct {
	scope Scope // that an API key needs; "" = only developers may call it
	owner bool  // the token of a user may, for that user
}

// accesses holds the access of each such operation. The services decide by themselves;
// this is what they decide, for who asks before.
var accesses = accessTable()

func accessTable() map[string]access {
	table := map[string]access{
		"CreateUser": {scope: UsersWrite}, "ListUsers": {scope: UsersRead}, "GetUser": {UsersRead, true},
		"UpdateUser": {scope: UsersWrite}, "DeleteUser": {scope: UsersWrite}, "GetUserUsage": {UsersRead, true},
		"CreateUserToken": {scope: TokensWrite}, "RevokeUserTokens": {scope: TokensWrite}, "CreatePairingCode": {scope: TokensWrite},
		"ListUserSessions": {scope: TokensWrite}, "RevokeUserSession": {scope: TokensWrite},
		"ListWorkouts": {WorkoutsRead, true}, "UpsertWorkouts": {WorkoutsWrite, true},
		"DeleteWorkouts": {WorkoutsWrite, true}, "DeleteWorkout": {WorkoutsWrite, true},
		"ListUserAccesses": {AuditRead, true},
		"VerifyCredential": {scope: CredentialsVerify}, "VerifyCredentials": {scope: CredentialsVerify},
		"ExplainAccess": {scope: CredentialsVerify},
	}
	for _, name := range []string{
		"Logout", "GetMe", "UpdateMe", "ChangePassword", "ListSessions", "RevokeSession", "RevokeOtherSessions",
		"CreateKey", "ListKeys", "GetKey", "UpdateKey", "RotateKey", "FinishKeyRotation", "DeleteKey", "GetKeyUsage",
		"CreateApplication", "ListApplications", "GetApplication", "UpdateApplication", "RotateApplicationSecret",
		"FinishApplicationRotation", "DeleteApplication", "GetApplicationUsage",
		"ListAuditEvents", "GetUsage", "GetInstallation", "GetStats",
		"CreateWebhookEndpoint", "ListWebhookEndpoints", "GetWebhookEndpoint", "UpdateWebhookEndpoint", "RotateWebhookSecret",
		"TestWebhookEndpoint", "ListWebhookDeliveries", "DeleteWebhookEndpoint",
		"ListAlerts", "AcknowledgeAlert", "MuteAlert", "ListAlertRules", "UpdateAlertRule",
		"ListDevelopers", "GetDeveloper", "UpdateDeveloper", "DeleteDeveloper",
		"CreateInvitation", "ListInvitations", "ResendInvitation", "RevokeInvitation",
	} {
		table[name] = access{}
	}
	return table
}

// VerifiableOperations returns the names of the operations that CredentialCheck takes,
// sorted.
func VerifiableOperations() []string { return slices.Sorted(maps.Keys(accesses)) }

// accessOf returns the access of whatever the scope is for. The token of a user has the
// scopes of the operations that it may call, and may read and upload its own data
// upstream.
func accessOf(s Scope) access {
	if s == DataRead || s == DataWrite {
		return access{s, true}
	}
	for _, a := range accesses {
		if a == (access{s, true}) {
			return a
		}
	}
	return access{scope: s}
}

// require admits whom the operation does, for the data of the user.
func (a access) require(ctx context.Context, userID string) error {
	var err error
	switch {
	case a.scope == "":
		_, err = RequireDeveloper(ctx)
	case a.owner:
		_, err = RequireOwner(ctx, a.scope, userID)
	default:
		_, err = RequireAccount(ctx, a.scope)
	}
	return err
}
