package auth

import (
	"context"
	"sync/atomic"
	"time"
)

// UpstreamCredentials asks the product behind this server for credentials that are unknown
// here, each of which is proved there as its holder would. Its errors are problem.ErrNotFound
// for what is not good there, and a *problem.Error of kind Unavailable if nobody can tell.
// Each call ends within thirty seconds. Safe for concurrent use.
type UpstreamCredentials interface {
	// VerifyKey returns nil for an API key.
	VerifyKey(ctx context.Context, secret string) error
	// VerifyApplication returns nil for the id and secret of an application. It may ask for a
	// token of the user, or of any other, and ends that.
	VerifyApplication(ctx context.Context, app AppCredentials, userID string) error
	// Application returns what is known of an application: AppID alone, if nothing is.
	Application(ctx context.Context, appID string) (Application, error)
	// VerifyDeveloper returns the developer with the email and password.
	VerifyDeveloper(ctx context.Context, email, password string) (Developer, error)
	// SpendToken trades a refresh token of a user, which is good once.
	SpendToken(ctx context.Context, token string) (SpentToken, error)
	// EndToken ends a refresh token. Nobody needs to know whether it did.
	EndToken(ctx context.Context, token string)
	// User returns a user, whatever its values are.
	User(ctx context.Context, id string) (User, error)
}

// SpentToken is what the upstream said of a refresh token when it spent it.
type SpentToken struct {
	UserID, AppID string
	Successor     string // a secret that nobody else has; "" = none
}

// Kinds of what the upstream is asked for.
const (
	adoptedKey = iota
	adoptedApplication
	adoptedDeveloper
	adoptedToken
	adoptedUser
	adoptionKinds
)

// Outcomes of a question to the upstream.
const (
	adopted         = iota // it is ours now
	adoptionRefused        // it is not good there, or was ended here
	adoptionAway           // nobody could tell
	adoptionLimited        // a limit was reached, so that nobody was asked
	adoptionOutcomes
)

var (
	adoptionKindNames    = [adoptionKinds]string{"key", "application", "developer", "refresh_token", "user"}
	adoptionOutcomeNames = [adoptionOutcomes]string{"adopted", "refused", "away", "limited"}
)

// adoptionCounts counts the questions by kind and outcome. Safe for concurrent use.
type adoptionCounts [adoptionKinds][adoptionOutcomes]atomic.Uint64

// Bounds of the questions of one process.
const (
	maxQuestions       = 8                // at once
	maxRefusedAdoption = 1 << 12          // that are remembered
	refusedAdoptionFor = time.Minute      // and for how long
	questionTime       = 40 * time.Second // for all that one needs
)

// allAdoptions is the bucket of all questions.
const allAdoptions = "all"

// Kinds of an Imported that stands for no row of the upstream, but for what was ended here
// and must not be adopted: its id is an adoptionTrace.
const (
	endedEmail  = "ended_email"  // of a developer who was deleted, or has another one now
	endedTokens = "ended_tokens" // of a user, which were all revoked
)

// The Secret of an Imported of a refresh token that was spent upstream: first spentPrefix,
// the user and the application, and once that is a session here, sessionAdopted.
const (
	spentPrefix    = "spent "
	sessionAdopted = "adopted"
)

// nameOfAdopted is the name of an adopted key, and of an application of which nobody knows
// its own.
const nameOfAdopted = "Adopted"
