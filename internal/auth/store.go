package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// Store keeps everything durable. A read sees every write that was acknowledged
// before it began. Its errors are problem.ErrNotFound, problem.ErrTaken, and
// *problem.Error of kind Unavailable for a passing fault. Safe for concurrent
// use.
type Store interface {
	Reader
	// Write runs f in one transaction and returns nil only once the effect is
	// durable. If f returns an error, nothing that it wrote remains and Write
	// returns that error. f is not cancelled midway. It may run again from its
	// beginning after its writes were undone, and must wait for nothing but tx.
	//
	// A Write that takes longer than a caller should wait may fail as
	// Unavailable.
	Write(ctx context.Context, f func(ctx context.Context, tx Tx) error) error
	// WriteLong is Write for a transaction that grows with the data, such as a
	// deletion: it may take ten seconds. If the database cannot be reached, it
	// fails as soon as Write does.
	WriteLong(ctx context.Context, f func(ctx context.Context, tx Tx) error) error
	// RotateSession makes the rotation, with its event, if the session is live and of
	// the generation. It reports false if it has done nothing: for that reason, or for
	// any of its own. A Write has to look then. If it fails, nobody knows whether it
	// was made.
	RotateSession(ctx context.Context, r Rotation) (Rotated, bool, error)
	// MintSession opens the session, with its event, if the user and the application are
	// as the minting says, and returns when it began. Otherwise it is RotateSession.
	MintSession(ctx context.Context, m Minting) (at time.Time, ok bool, err error)
	// SignHeads signs the head of each access ledger that has grown since it did so
	// last.
	SignHeads(ctx context.Context, at time.Time, by audit.Signer) error
	// OnEnd sets the function that Write calls before it returns if EndSessions has ended
	// more sessions than it returned. New calls it before any other method.
	OnEnd(forget func(ctx context.Context))
}

// Tx is a transaction. What it reads stays locked until the transaction ends,
// so that a decision made on it still holds when it is written. Who deletes a row
// that others keep or claim must have read it before it ends what depends on it: it
// then waits for them, and they for it.
type Tx interface {
	Reader
	importWriter
	// Now returns the database's time, in UTC, in microseconds. It does not
	// change within a transaction.
	Now() time.Time
	// Record appends to the audit trail.
	Record(ctx context.Context, e audit.Event) error

	// CountDevelopers is CountKeys for developers.
	CountDevelopers(ctx context.Context) (int, error)
	InsertDeveloper(ctx context.Context, d StoredDeveloper) error
	UpdateDeveloper(ctx context.Context, d StoredDeveloper) error
	// DeleteDeveloper removes the developer, with its sessions and the invitation that it
	// accepted.
	DeleteDeveloper(ctx context.Context, id string) error
	// CountEnabledDevelopers returns how many developers are not disabled. It locks as
	// CountDevelopers does.
	CountEnabledDevelopers(ctx context.Context) (int, error)
	// SawAddress records that the developer logged in from the address.
	SawAddress(ctx context.Context, developerID, address string, at time.Time) error

	// PutSetupToken stores the token in the place of the one of its node, and removes
	// the oldest ones until no more than keep are left.
	PutSetupToken(ctx context.Context, t StoredSetupToken, keep int) error
	DeleteSetupTokens(ctx context.Context) error

	InsertSession(ctx context.Context, s StoredSession) error
	// TrimSessions removes sessions of the developer or user of the filter, which
	// must be locked or claimed, until no more than keep are left: first those that have
	// ended, then those that were idle longest. It returns the ids of those that
	// were live.
	TrimSessions(ctx context.Context, of SessionFilter, keep int) (live []string, err error)
	UpdateSession(ctx context.Context, s StoredSession) error
	// EndSessions ends the live sessions that match and returns their ids. Of very many
	// that one minter minted, it returns some: the others end with them, and Write calls
	// what OnEnd has set. What is minted after Write has returned is not ended.
	EndSessions(ctx context.Context, which SessionFilter, at time.Time) ([]string, error)

	// CountKeys returns how many keys there are. Until the transaction ends, no
	// other one that counts them goes on.
	CountKeys(ctx context.Context) (int, error)
	InsertKey(ctx context.Context, k StoredKey) error
	UpdateKey(ctx context.Context, k StoredKey) error
	DeleteKey(ctx context.Context, id string) error

	// CountApplications is CountKeys for applications.
	CountApplications(ctx context.Context) (int, error)
	// ClaimApplication returns the application, which no other transaction changes,
	// claims or deletes until this one ends. Others may keep it.
	ClaimApplication(ctx context.Context, appID string) (StoredApplication, error)
	// KeepApplication returns the application, which no other transaction deletes until
	// this one ends. Others may keep it too, and change it.
	KeepApplication(ctx context.Context, appID string) (StoredApplication, error)
	InsertApplication(ctx context.Context, a StoredApplication) error
	UpdateApplication(ctx context.Context, a StoredApplication) error
	DeleteApplication(ctx context.Context, appID string) error

	// CountWebhookEndpoints is CountKeys for webhook endpoints. It locks as
	// LockWebhookEndpoints does.
	CountWebhookEndpoints(ctx context.Context) (int, error)
	// LockWebhookEndpoints keeps others from disabling endpoints until the transaction
	// ends.
	LockWebhookEndpoints(ctx context.Context) error
	// ResolveWebhookAlert resolves the alert that the endpoint was disabled. Call it
	// before WebhookEndpoint, which locks the endpoint: alerts are locked before.
	ResolveWebhookAlert(ctx context.Context, id string) error
	InsertWebhookEndpoint(ctx context.Context, w StoredWebhookEndpoint) error
	UpdateWebhookEndpoint(ctx context.Context, w StoredWebhookEndpoint) error
	// DeleteWebhookEndpoint removes the endpoint. Its deliveries are never sent again,
	// and removed later.
	DeleteWebhookEndpoint(ctx context.Context, id string) error
	// FailWebhookDeliveries ends what is pending for an endpoint that is disabled.
	FailWebhookDeliveries(ctx context.Context, endpointID string) error
	// ClaimWebhookTest makes a test message to the endpoint, claimed for this process.
	ClaimWebhookTest(ctx context.Context, endpointID string) (WebhookClaim, error)

	// LockInvitations keeps others from changing invitations until the transaction ends.
	// Call it first of all, and before each method that changes one.
	LockInvitations(ctx context.Context) error
	// CountPendingInvitations returns how many can be accepted at the instant.
	CountPendingInvitations(ctx context.Context, at time.Time) (int, error)
	InsertInvitation(ctx context.Context, i StoredInvitation) error
	UpdateInvitation(ctx context.Context, i StoredInvitation) error
	// TrimInvitations removes, of those that were accepted or revoked, some of the oldest
	// if more than keep are left.
	TrimInvitations(ctx context.Context, keep int) error

	// TakeUserPlace counts one user more, unless there are most or more, and
	// reports whether it did. It keeps others from counting until the transaction
	// ends. So does GiveUserPlace, which counts one less. Lock no user before.
	TakeUserPlace(ctx context.Context, most int) (bool, error)
	GiveUserPlace(ctx context.Context) error
	// RecountUsers corrects the number by the users that there are, which takes a
	// while: a release that does not count may have made or deleted some.
	RecountUsers(ctx context.Context) error
	// ClaimUser is ClaimApplication for users. What is only to belong to the user may
	// be stored by others meanwhile.
	ClaimUser(ctx context.Context, id string) (User, error)
	InsertUser(ctx context.Context, u User) error
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser removes the user, its sessions and its pairing code, and a bounded amount of its
	// data. Nothing returns the rest any more, which is removed later.
	DeleteUser(ctx context.Context, id string) error

	// PutMirrorTask stores the task, over the one with its id. Who changes the user too
	// claims that before.
	PutMirrorTask(ctx context.Context, t MirrorTask) error
	DeleteMirrorTask(ctx context.Context, id string) error

	// CountPairingCodes returns how many unused codes of the maker there are that are not
	// over, up to limit.
	CountPairingCodes(ctx context.Context, appID string, at time.Time, limit int) (int, error)
	// PutPairingCode stores a code in the place of the one that its user had.
	PutPairingCode(ctx context.Context, c StoredPairingCode) error
	// SpendPairingCode removes the code, unless it is over. Of any number of calls at once,
	// on whatever nodes, one finds it; for the others it is problem.ErrNotFound.
	SpendPairingCode(ctx context.Context, h credential.Hash, at time.Time) error
	// DeletePairingCodes removes the unused codes of a maker, which are few.
	DeletePairingCodes(ctx context.Context, appID string) error
	// DeletePairingCodeOf removes the unused code of a user, if there is one.
	DeletePairingCodeOf(ctx context.Context, userID string) error

	Replay(ctx context.Context, id credential.Hash) (ReplayRecord, error)
	// PutReplay writes the record, over an expired one of the same id.
	PutReplay(ctx context.Context, r ReplayRecord) error

	PutSigningKey(ctx context.Context, k StoredSigningKey) error
	DeleteSigningKey(ctx context.Context, id string) error
}

// Reader looks things up. A missing row is problem.ErrNotFound.
type Reader interface {
	importReader

	Developer(ctx context.Context, id string) (StoredDeveloper, error)
	// DeveloperByEmail looks the email up under each of its EmailKeys.
	DeveloperByEmail(ctx context.Context, email string) (StoredDeveloper, error)
	// Developers lists every developer, oldest first.
	Developers(ctx context.Context) ([]StoredDeveloper, error)
	// SeenAddress reports whether the developer has logged in from the address
	// since the instant.
	SeenAddress(ctx context.Context, developerID, address string, since time.Time) (bool, error)

	SetupToken(ctx context.Context, h credential.Hash) (StoredSetupToken, error)

	Session(ctx context.Context, id string) (StoredSession, error)
	// DeveloperSessions lists the sessions that are neither revoked nor expired
	// at the instant, newest first.
	DeveloperSessions(ctx context.Context, developerID string, at time.Time) ([]StoredSession, error)

	// UserSessions lists the sessions of a user that are neither revoked nor expired at
	// the instant as Applications lists applications.
	UserSessions(ctx context.Context, userID string, at time.Time, after *Place, limit int) ([]StoredSession, error)

	Key(ctx context.Context, id string) (StoredKey, error)
	// KeyByHash returns the key whose newest or previous secret has the hash.
	KeyByHash(ctx context.Context, h credential.Hash) (StoredKey, error)
	Keys(ctx context.Context, q KeyQuery) ([]Key, error)

	Application(ctx context.Context, appID string) (StoredApplication, error)
	// ApplicationByHash returns the application whose newest or previous secret has
	// the hash.
	ApplicationByHash(ctx context.Context, h credential.Hash) (StoredApplication, error)
	// Applications lists applications, newest first: limit of them at most, and only
	// those after the place unless it is nil. The id of a place is an AppID.
	Applications(ctx context.Context, after *Place, limit int) ([]Application, error)

	WebhookEndpoint(ctx context.Context, id string) (StoredWebhookEndpoint, error)
	// WebhookEndpoints lists every endpoint, newest first.
	WebhookEndpoints(ctx context.Context) ([]WebhookEndpoint, error)
	// WebhookDeliveries lists the deliveries to an endpoint as Applications lists
	// applications.
	WebhookDeliveries(ctx context.Context, endpointID string, after *Place, limit int) ([]WebhookDelivery, error)

	Invitation(ctx context.Context, id string) (StoredInvitation, error)
	// InvitationByHash returns the invitation whose token has the hash.
	InvitationByHash(ctx context.Context, h credential.Hash) (StoredInvitation, error)

	// PairingCode returns the unused code with the hash, which may be over.
	PairingCode(ctx context.Context, h credential.Hash) (StoredPairingCode, error)
	// PairingCodeOf returns the unused code of a user, which may be over.
	PairingCodeOf(ctx context.Context, userID string) (StoredPairingCode, error)
	// OpenInvitation returns the email's invitation that is pending or has expired.
	OpenInvitation(ctx context.Context, email string) (StoredInvitation, error)
	// OpenInvitations lists those that are pending or have expired since the instant,
	// newest first: limit of them at most.
	OpenInvitations(ctx context.Context, since time.Time, limit int) ([]StoredInvitation, error)

	User(ctx context.Context, id string) (User, error)
	// Users returns the page's users and how many match in all.
	Users(ctx context.Context, q UserQuery) ([]User, int, error)

	MirrorTask(ctx context.Context, id string) (MirrorTask, error)
	// DueMirrorTasks lists up to limit tasks that nobody is at, those due longest first.
	DueMirrorTasks(ctx context.Context, now time.Time, limit int) ([]MirrorTask, error)
	CountMirrorTasks(ctx context.Context) (int, error)

	// AuditEvents returns up to q.Limit events of the audit trail. If rest is not
	// nil, it stopped before it had found so many, and goes on after rest.
	AuditEvents(ctx context.Context, q EventQuery) (events []audit.Event, rest *Place, err error)
	// Accesses returns up to limit entries of a user's access ledger, newest first,
	// and only those with a smaller number than before unless it is nil.
	Accesses(ctx context.Context, userID string, before *int64, limit int) ([]audit.Entry, error)

	// SigningKeys lists every signing key, oldest first.
	SigningKeys(ctx context.Context) ([]StoredSigningKey, error)
}

// LastUses keeps when credentials were last used. It never moves a time back.
type LastUses interface {
	TouchKeys(ctx context.Context, uses map[string]KeyUse) error
	TouchSessions(ctx context.Context, at map[string]time.Time) error
	// CountOlderSecrets adds the uses, all or none. Those of a secret that is not the
	// previous one any more are ignored.
	CountOlderSecrets(ctx context.Context, uses map[OlderSecret]SecretUse) error
}

// SessionFilter selects sessions that match every member that is set.
type SessionFilter struct {
	ID          string
	DeveloperID string
	UserID      string
	AppID       string
	MintedBy    string // the id of a developer's session
	Except      string // the id of a session that is left alone, with what it minted
}
