package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// Upstream is the product behind this server. It has the same users under the same ids,
// which it gives them. Its errors are problem.ErrNotFound, a *problem.Error of kind
// Conflict for values that it does not take, one of kind Unavailable if nobody knows
// whether the call took effect, and ErrNotAsked if it surely did not. Each call ends
// within ten seconds. Safe for concurrent use.
type Upstream interface {
	// CreateUser makes a user there, with the marker in the place of the external id.
	CreateUser(ctx context.Context, marker string, u User) (id string, err error)
	// FindUser returns the id of the user who has the external id there.
	FindUser(ctx context.Context, externalID string) (id string, err error)
	UserExists(ctx context.Context, id string) error
	// UpdateUser gives the user the names, the email and the external id of u.
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser removes the user and all of its data.
	DeleteUser(ctx context.Context, id string) error
	// Sync returns when data of a user arrived.
	Sync(ctx context.Context, userID string) (Sync, error)
	// Syncs is Sync for a page of the users there, in the order of in, whose page, limit
	// and order are set and whose cursor does not count. It also returns how many users match.
	Syncs(ctx context.Context, in UserList) (page []Sync, total int, err error)
}

// ErrNotAsked says that a call has surely not reached the upstream.
var ErrNotAsked = errors.New("the upstream cannot be reached")

// Sync is when data of a user last arrived upstream, and from where.
type Sync struct {
	UserID   string
	At       *time.Time
	Provider *string
	Active   bool // a connection with a provider is
}

func (s Sync) apply(u *User) {
	u.LastSyncedAt, u.LastSyncedProvider, u.HasActiveConnection = s.At, s.Provider, s.Active
}

// What a MirrorTask is to do.
const (
	MirrorCreate = "create" // delete there who has the id as its external id, unless it becomes a user here before
	MirrorUpdate = "update" // give the user there the values that it has here
	MirrorDelete = "delete" // delete the user there, then here
)

// MirrorTask is what is to be done for a user upstream. It is stored before the upstream is
// asked, and removed once both sides have done it, so that a crash in between leaves
// something to go on with. A user has one at most, whose worker alone changes the user.
type MirrorTask struct {
	ID        string // of the user; of a MirrorCreate, its marker
	Action    string
	Actor     string    // who asked for it, as the audit trail has it
	Worker    string    // who is at it; "" = nobody
	Until     time.Time // when whoever finds it goes on with it
	Attempts  int64
	CreatedAt time.Time
}

// mirrorClaim is a task that the caller is at.
type mirrorClaim struct {
	MirrorTask
	resumed bool // it was there already, so that there is more to do than the caller wants
}

// markerOf is the prefix of the external id upstream of a user who is being made.
const markerOf = "creating:"

// maxMirrorTasks bounds how many tasks wait.
const maxMirrorTasks = 10_000

const (
	mirrorLease = 20 * time.Second // for which a worker has a task: longer than it is at it, as a rule
	lateness    = 15 * time.Second // after which a call that seemed to fail has taken effect or not, as a rule
	// markerFor is for how long the user of a marker is looked for: the upstream may be
	// slow to make it.
	markerFor = 10 * time.Minute
)

// backoff returns how long to wait after so many attempts.
func backoff(attempts int64) time.Duration {
	return min(time.Second<<min(attempts, 12), 10*time.Minute)
}

// errTaskTaken is the cause of a refusal while another call changes the same user.
var errTaskTaken = errors.New("another call changes this user")

// errNotHere is the cause of a refusal by a process that leaves the upstream to the nodes.
var errNotHere = errors.New("a node goes on with it")

// errBeingDeleted refuses a call since the deletion of its user is under way.
func errBeingDeleted(cause error) *problem.Error {
	return &problem.Error{
		Kind: problem.Unavailable, Reason: "unavailable", RetryAfter: 5, Cause: cause,
		Detail: "This user is being deleted: the product behind this server has not confirmed it yet, which is tried again until it does",
	}
}

// errNotUpstream refuses what needs a user upstream who is not there.
func errNotUpstream() *problem.Error {
	return &problem.Error{
		Kind: problem.Conflict, Reason: "user_not_upstream",
		Detail: "The product behind this server does not know this user, who was made before it was there or deleted in it: " +
			"delete the user here and create it again",
	}
}

// unknown reports whether nobody knows if a call of the upstream that ended with err has
// taken effect.
func unknown(err error) bool {
	return err != nil && !errors.Is(err, ErrNotAsked) && !errors.Is(err, problem.ErrNotFound) && undecided(err)
}
