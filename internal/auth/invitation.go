package auth

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// The states of an invitation. One is stored as pending also when it has expired.
const (
	InvitationPending  = "pending"
	InvitationAccepted = "accepted"
	InvitationRevoked  = "revoked"
	InvitationExpired  = "expired"
)

// Bounds of invitations and of developers.
const (
	invitedFor            = 7 * 24 * time.Hour
	MaxDevelopers         = 1000
	MaxPendingInvitations = 100
	MaxInvitationsListed  = 1000
	endedInvitationsKept  = 1000 // beside those that are pending or have expired
	maxInvitationToken    = 255
)

// InvitationsKeptFor is how long an invitation is kept once its time is over.
const InvitationsKeptFor = 30 * 24 * time.Hour

// Invitation invites one person to become a developer. Token is a secret that is not
// stored.
type Invitation struct {
	ID          string // UUID
	Email       string
	Token       string
	Status      string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	InvitedByID *string // the id of a developer, who may be gone
}

// StoredInvitation is an invitation with what its token is derived from and found by.
type StoredInvitation struct {
	ID           string
	Email        string
	Status       string
	CreatedAt    time.Time
	ExpiresAt    time.Time
	InvitedByID  *string
	AcceptedByID *string // the developer that it made
	Generation   int64   // of the token, from 1
	TokenHash    credential.Hash
}

// AcceptInput is what AcceptInvitation takes.
type AcceptInput struct {
	Token, FirstName, LastName, Password string
}

// renew gives the invitation another token, and its whole time.
func (i *StoredInvitation) renew(vault *credential.Vault, now time.Time) {
	i.retoken(vault)
	i.ExpiresAt = now.Add(invitedFor)
}

// retoken gives the invitation another token. Nothing has the old one any more.
func (i *StoredInvitation) retoken(vault *credential.Vault) {
	i.Generation++
	i.TokenHash = vault.Hash(i.token(vault))
}

// token derives the token of the generation: 43 characters of base64url.
func (i *StoredInvitation) token(vault *credential.Vault) string {
	mac := vault.HashParts("invitation", i.ID, strconv.FormatInt(i.Generation, 10))
	return base64.RawURLEncoding.EncodeToString(mac[:])
}

// shown returns the invitation as developers see it at the instant.
func (i *StoredInvitation) shown(vault *credential.Vault, now time.Time) Invitation {
	return Invitation{
		ID: i.ID, Email: i.Email, Token: i.token(vault), Status: i.status(now),
		CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt, InvitedByID: i.InvitedByID,
	}
}

func (i *StoredInvitation) status(now time.Time) string {
	if i.Status == InvitationPending && !now.Before(i.ExpiresAt) {
		return InvitationExpired
	}
	return i.Status
}

// refusal says why the invitation cannot be accepted at the instant; nil if it can.
func (i *StoredInvitation) refusal(now time.Time) error {
	switch i.status(now) {
	case InvitationPending:
		return nil
	case InvitationAccepted:
		return badRequest("invitation_accepted", "This invitation has already been accepted: log in")
	case InvitationExpired:
		return badRequest("invitation_expired", "This invitation has expired: ask a developer to send it again")
	default:
		return badRequest("invitation_revoked", "This invitation has been revoked: ask a developer for another one")
	}
}

func errDeveloperExists() *problem.Error {
	return badRequest("developer_exists", "A developer with this email already exists")
}

func errInvitationPending() *problem.Error {
	return badRequest("invitation_pending", "A pending invitation already exists for this email")
}

func badRequest(reason, detail string) *problem.Error {
	return &problem.Error{Kind: problem.BadRequest, Reason: reason, Detail: detail}
}
