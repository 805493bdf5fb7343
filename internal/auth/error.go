package auth

import (
	"fmt"
	"net/netip"

	"github.com/openwearables/openwearables/internal/problem"
)

func unauthenticated(reason, detail string) *problem.Error {
	return &problem.Error{Kind: problem.Unauthenticated, Reason: reason, Detail: detail}
}

// Refusals that more than one place returns. Each call makes a new value,
// because a surface may attach to it.
func errMissingCredential() *problem.Error {
	return unauthenticated("missing_credential", "Not authenticated")
}

// reasonInvalidKey is the reason for which every key that does not work is refused.
const reasonInvalidKey = "invalid_api_key"

func errInvalidKey() *problem.Error { return unauthenticated(reasonInvalidKey, "Invalid API key") }

func errInvalidToken() *problem.Error {
	return unauthenticated("invalid_token", "Could not validate credentials")
}

func errTokenExpired() *problem.Error {
	return unauthenticated("token_expired", "Could not validate credentials")
}

func errInvalidLogin() *problem.Error {
	return unauthenticated("invalid_credentials", "Incorrect email or password")
}

func errIncorrectPassword() *problem.Error {
	return &problem.Error{Kind: problem.BadRequest, Reason: "incorrect_password", Detail: "Incorrect current password"}
}

// reasonSetupToken is the reason for which every setup token that does not work is
// refused.
const reasonSetupToken = "invalid_setup_token"

func errInvalidSetupToken() *problem.Error {
	return unauthenticated(reasonSetupToken, "This setup link is no longer valid. It works once, for 24 hours, until a restart and until there is a "+
		"developer. Restart the server to get a new one, or run openwearables developer create")
}

// ErrInvalidApp refuses the id and secret of an application.
func ErrInvalidApp() *problem.Error { return errInvalidApp() }

func errInvalidApp() *problem.Error {
	return unauthenticated("invalid_app_credentials", "Invalid app credentials")
}

// ErrMultipleCredentials refuses a request that carries two credentials.
func ErrMultipleCredentials() *problem.Error {
	return &problem.Error{Kind: problem.BadRequest, Reason: "multiple_credentials", Detail: "Send one credential, not several"}
}

func errMissingCredentials() *problem.Error {
	return &problem.Error{
		Kind: problem.BadRequest, Reason: "missing_credentials",
		Detail: "Send app_id and app_secret, or authenticate as an admin",
	}
}

func errNotAllowed() *problem.Error {
	return &problem.Error{Kind: problem.Forbidden, Reason: "credential_not_allowed", Detail: "This credential may not call this operation"}
}

func errOtherUser() *problem.Error {
	return &problem.Error{Kind: problem.Forbidden, Reason: "other_user", Detail: "This token is for another user"}
}

// errElsewhere refuses an API key that is used from an address outside its networks.
func errElsewhere(from netip.Addr) *problem.Error {
	address := "an unknown address"
	if from.IsValid() {
		address = from.String()
	}
	return &problem.Error{
		Kind: problem.Forbidden, Reason: "network_not_allowed",
		Detail: "This API key may not be used from " + address + ", which is in none of its allowed_networks: " +
			"call from one of them, or let a developer add the address with UpdateKey",
	}
}

// errKeyInBrowser refuses an API key that comes from a page.
func errKeyInBrowser() *problem.Error {
	return &problem.Error{
		Kind: problem.Forbidden, Reason: reasonInBrowser,
		Detail: "An API key is for servers, and whoever opens this page can read it: rotate it, keep the new one in your backend, " +
			"and let that get a user token for the page with CreateUserToken. For pages of developers there is the cookie session",
	}
}

// errSecretInBrowser refuses the secret of an application that comes from a page.
func errSecretInBrowser() *problem.Error {
	return &problem.Error{
		Kind: problem.Forbidden, Reason: reasonInBrowser,
		Detail: "The secret of an application is for servers, and whoever opens this page can read it: rotate it, keep the new one in your " +
			"backend, and let that call CreateUserToken and give the page the user token",
	}
}

// reasonInBrowser is the reason for which a secret of a server is refused to a page, and
// the outcome under which the audit trail has such a use, refused or not.
const reasonInBrowser = "key_in_browser"

// errFull refuses to make one more of what there may be most of.
func errFull(most int, what string) *problem.Error {
	return problem.QuotaError(fmt.Sprintf("There are %d %s, as many as may be", most, what))
}

func errScope(s Scope) *problem.Error {
	return &problem.Error{
		Kind: problem.Forbidden, Reason: "insufficient_scope",
		Detail: "This API key lacks the scope " + string(s), RequiredScope: string(s),
	}
}
