package auth

// LoginInput is what a developer presents; "" is missing. UseCookie says where
// the refresh token goes, so a retry must repeat it. Device is the device token of
// an earlier login, and Session a refresh token of an older session: either may
// make the caller known to the account, and is ignored otherwise.
type LoginInput struct {
	Email, Password string
	UseCookie       bool
	Device, Session string
}
