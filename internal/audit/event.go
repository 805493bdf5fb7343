// Package audit describes what happened: security events, one for each effect
// or refusal, and reads of health data, chained for each user. It decides
// nothing and stores nothing.
package audit

import "time"

// Actions. An action is a noun and a verb. A refusal keeps the action; its
// Outcome is the reason.
const (
	Login           = "session.login"
	Refresh         = "session.refresh"
	Reuse           = "session.reuse"
	Revoke          = "session.revoke"
	Logout          = "session.logout"
	PasswordChange  = "developer.password_change"
	DeveloperCreate = "developer.create"
	DeveloperUpdate = "developer.update"
	DeveloperEnable = "developer.enable"
	DeveloperEnd    = "developer.disable"
	DeveloperDelete = "developer.delete"
	KeyCreate       = "key.create"
	KeyUpdate       = "key.update"
	KeyRotate       = "key.rotate"
	KeyFinish       = "key.finish_rotation"
	KeyDelete       = "key.delete"
	KeyUse          = "key.use" // only of a use that was refused, or is remarkable
	AppCreate       = "application.create"
	AppUpdate       = "application.update"
	AppRotate       = "application.rotate"
	AppFinish       = "application.finish_rotation"
	AppDelete       = "application.delete"
	UserCreate      = "user.create"
	UserUpdate      = "user.update"
	UserDelete      = "user.delete"
	UserExport      = "user.export" // by the operator
	WorkoutsWrite   = "workouts.write"
	WorkoutDelete   = "workout.delete"
	WorkoutsDelete  = "workouts.delete"
	TokenMint       = "token.mint"
	TokenRevoke     = "token.revoke"
	SigningRotate   = "signing_key.rotate"
	SigningRevoke   = "signing_key.revoke"
	WebhookCreate   = "webhook.create"
	WebhookUpdate   = "webhook.update"
	WebhookRotate   = "webhook.rotate"
	WebhookDelete   = "webhook.delete"
	WebhookTest     = "webhook.test"
	WebhookDisable  = "webhook.disable" // by the server
	// CredentialReport is the end of a credential by whoever found it.
	CredentialReport = "credential.report"
	AlertAcknowledge = "alert.acknowledge"
	AlertMute        = "alert.mute"
	AlertUnmute      = "alert.unmute"
	AlertRuleUpdate  = "alert_rule.update"
	InvitationCreate = "invitation.create"
	InvitationResend = "invitation.resend"
	InvitationRevoke = "invitation.revoke"
	InvitationAccept = "invitation.accept"
	PairingCreate    = "pairing.create"
	PairingRedeem    = "pairing.redeem"
	PairingRevoke    = "pairing.revoke"
)

// OK is the Outcome of an action that took effect. Any other Outcome is the
// stable reason of a refusal, and where an operator allows what is otherwise refused
// for that reason, of the use that was made of it.
const OK = "ok"

// Server is the actor of what the server does by itself.
const Server = "server"

// Event is one row of the audit trail. It never holds a secret or a part of
// one. An effect and its event are written in one transaction. Refusals that
// Refusals has summed share a row, which says of the first of them when it was,
// and from where.
type Event struct {
	ID        string // UUIDv7
	At        time.Time
	Action    string
	Outcome   string
	Actor     string // "developer:<id>", "key:<id>", "application:<app_id>", "user:<id>", "operator", Server or "anonymous"
	Subject   string // what was acted on, in the same form; "" in a sum of several
	IP        string
	Client    string // the caller's User-Agent, shortened
	RequestID string

	Occurrences int64 // 1, or how many refusals were summed; 0 is stored as 1
}
