package auth

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// call identifies one call that may be replayed.
type call struct {
	operation string
	caller    string // the principal, application or account that was authenticated
	request   any    // decoded; without secrets, which were verified before
	keep      time.Duration
}

// replays keeps the answers of calls that carry an Idempotency-Key. Safe for
// concurrent use.
type replays struct {
	store   Store
	vault   *credential.Vault
	running *running
}

func newReplays(store Store, vault *credential.Vault) *replays {
	return &replays{store: store, vault: vault, running: newRunning()}
}

// once runs effect in a transaction. If the same call with the same
// Idempotency-Key has run before, it returns the answer of that call instead.
// The answer is kept in the transaction of its effect, and only if there was
// one. Another request under the same key is a 422; the same one while the
// first is running is a 409.
func once[T any](ctx context.Context, s *replays, k call, effect func(context.Context, Tx) (T, error)) (T, error) {
	return onceIn(ctx, s, s.store.Write, k, effect)
}

// onceIn is once in a transaction of write, which is Store.Write or Store.WriteLong.
func onceIn[T any](
	ctx context.Context, s *replays, write func(context.Context, func(context.Context, Tx) error) error,
	k call, effect func(context.Context, Tx) (T, error),
) (T, error) {
	var answer T
	c := CallerFrom(ctx)
	key, err := c.idempotencyKey()
	if err != nil {
		return answer, err
	}
	if key == "" {
		err = write(ctx, func(ctx context.Context, tx Tx) error {
			answer, err = effect(ctx, tx)
			return err
		})
		return answer, err
	}
	request, err := json.Marshal(k.request)
	if err != nil {
		return answer, err
	}
	r := ReplayRecord{
		ID:      s.id(k, key),
		Request: s.vault.HashParts("replay-request", string(request)),
	}
	if !s.running.enter(r.ID) {
		return answer, errInProgress()
	}
	defer s.running.leave(r.ID)
	err = write(ctx, func(ctx context.Context, tx Tx) error {
		c.Replayed, err = replay(ctx, s, tx, r, key, &answer)
		if err != nil || c.Replayed {
			return err
		}
		if answer, err = effect(ctx, tx); err != nil {
			return err
		}
		r.ExpiresAt = tx.Now().Add(k.keep)
		return keep(ctx, s, tx, r, key, answer)
	})
	return answer, err
}

// replay fills answer from the record and reports whether there is one.
func replay[T any](ctx context.Context, s *replays, tx Tx, r ReplayRecord, key string, answer *T) (bool, error) {
	kept, err := tx.Replay(ctx, r.ID)
	if errors.Is(err, problem.ErrNotFound) || err == nil && !tx.Now().Before(kept.ExpiresAt) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if kept.Request != r.Request {
		return false, errKeyReused()
	}
	plain, err := s.vault.Open(kept.Sealed, r.ID[:], key)
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(plain, answer)
}

func keep(ctx context.Context, s *replays, tx Tx, r ReplayRecord, key string, answer any) error {
	plain, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if r.Sealed, err = s.vault.Seal(plain, r.ID[:], key); err != nil {
		return err
	}
	return tx.PutReplay(ctx, r)
}

// id returns the id of the record of a call with the key.
func (s *replays) id(k call, key string) credential.Hash {
	return s.vault.HashParts("replay", k.operation, k.caller, key)
}

// answered reports whether an answer is kept for the call's Idempotency-Key.
func (s *replays) answered(ctx context.Context, k call) (found bool, err error) {
	key, err := CallerFrom(ctx).idempotencyKey()
	if err != nil || key == "" {
		return false, err
	}
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		kept, err := tx.Replay(ctx, s.id(k, key))
		if errors.Is(err, problem.ErrNotFound) {
			return nil
		}
		found = err == nil && tx.Now().Before(kept.ExpiresAt)
		return err
	})
	return found, err
}

func errKeyReused() *problem.Error {
	return &problem.Error{
		Kind: problem.Invalid, Reason: "idempotency_key_reused",
		Detail: "This Idempotency-Key was used with another request; use a new one",
		Fields: []problem.FieldError{{Field: "Idempotency-Key", Message: "was used with another request"}},
	}
}

func errInProgress() *problem.Error {
	return &problem.Error{
		Kind: problem.Conflict, Reason: "idempotency_in_progress",
		Detail: "A request with this Idempotency-Key is still running", RetryAfter: 1,
	}
}

// running holds the calls with an Idempotency-Key that this process is serving.
type running struct {
	mu    sync.Mutex
	calls map[credential.Hash]struct{}
}

func newRunning() *running { return &running{calls: make(map[credential.Hash]struct{})} }

func (r *running) enter(id credential.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.calls[id]; ok {
		return false
	}
	r.calls[id] = struct{}{}
	return true
}

func (r *running) leave(id credential.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, id)
}
