package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Keys manages API keys. Only developers may.
type Keys struct {
	store       Store
	vault       *credential.Vault
	replays     *replays
	credentials *credentials
	uses        *lastUses
	most        int // keys
	now         func() time.Time
}

// Create mints a key. Safe to retry with an Idempotency-Key.
func (s *Keys) Create(ctx context.Context, in KeyInput) (NewKey, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return NewKey{}, err
	}
	k := StoredKey{Key: Key{
		Name: "Default", Environment: "live", Scopes: Scopes, Enabled: true, CreatedBy: p.ID, AllowedNetworks: []string{},
	}}
	if in.Name != nil {
		k.Name = *in.Name
	}
	if in.Environment != nil {
		k.Environment = *in.Environment
	}
	if in.Scopes != nil {
		k.Scopes = *in.Scopes
	}
	var v problem.Check
	v.OneOf("environment", k.Environment, "live", "test")
	k.ExpiresAt = v.Future("expires_at", in.ExpiresAt, s.now())
	k.Name = v.Name("name", k.Name, 1, problem.MaxName)
	checkScopes(&v, k.Scopes)
	if in.AllowedNetworks != nil {
		k.AllowedNetworks = checkNetworks(&v, *in.AllowedNetworks)
	}
	if err := v.Err(); err != nil {
		return NewKey{}, err
	}
	k.Scopes = inOrder(k.Scopes)
	return once(ctx, s.replays, call{"CreateKey", p.Actor(), in, replayFor}, func(ctx context.Context, tx Tx) (NewKey, error) {
		if n, err := tx.CountKeys(ctx); err != nil {
			return NewKey{}, err
		} else if n >= s.most {
			return NewKey{}, errFull(s.most, "API keys")
		}
		k.ID, k.CreatedAt = credential.Mint(credential.KeyID), tx.Now()
		secret := s.mint(&k)
		if err := tx.InsertKey(ctx, k); err != nil {
			return NewKey{}, err
		}
		return NewKey{k.Key, secret}, tx.Record(ctx, CallerFrom(ctx).Event(audit.KeyCreate, keySubject(k.ID), tx.Now()))
	})
}

// mint gives the key a new secret and returns it.
func (s *Keys) mint(k *StoredKey) string {
	prefix := credential.LiveKey
	if k.Environment == "test" {
		prefix = credential.TestKey
	}
	secret := credential.Mint(prefix)
	k.Hash, k.KeyPrefix = s.vault.Hash(secret), secret[:len(prefix)+4]
	return secret
}

// List returns a page of the account's keys, newest first.
func (s *Keys) List(ctx context.Context, in KeyList) (Page[Key], error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return Page[Key]{}, err
	}
	name, state := "keys", ""
	if in.State != nil {
		var v problem.Check
		v.OneOf("state", *in.State, KeyActive, KeyRotating, KeyExpiring, KeyUnused, KeyDisabled, KeyExpired)
		if err := v.Err(); err != nil {
			return Page[Key]{}, err
		}
		state = *in.State
		name += "." + state
	}
	fetch := func(ctx context.Context, after *Place, limit int) ([]Key, error) {
		return s.store.Keys(ctx, keyQuery(state, s.now(), after, limit))
	}
	page, err := readPage(ctx, s.vault, name, PageInput{in.Limit, in.Cursor}, fetch, func(k *Key) Place { return Place{k.CreatedAt, k.ID} })
	for i := range page.Items {
		s.current(&page.Items[i])
	}
	return page, err
}

// require admits developers and checks the id of a key.
func (s *Keys) require(ctx context.Context, id string) error {
	if _, err := RequireDeveloper(ctx); err != nil {
		return err
	}
	return checkHandle("id", id)
}

// Get returns one key.
func (s *Keys) Get(ctx context.Context, id string) (Key, error) {
	if err := s.require(ctx, id); err != nil {
		return Key{}, err
	}
	k, err := s.store.Key(ctx, id)
	return s.current(&k.Key), keyError(err)
}

// current brings the times of a key up to date and returns it.
func (s *Keys) current(k *Key) Key {
	s.uses.updateKey(k)
	if k.PreviousExpiresAt != nil && !s.now().Before(*k.PreviousExpiresAt) {
		k.PreviousExpiresAt = nil
	}
	return *k
}

// Update changes a key. What it takes away is refused once it returns.
func (s *Keys) Update(ctx context.Context, id string, in KeyPatch) (Key, error) {
	if err := s.require(ctx, id); err != nil {
		return Key{}, err
	}
	expires, err := in.check(s.now())
	if err != nil {
		return Key{}, err
	}
	return s.change(ctx, audit.KeyUpdate, id, func(tx Tx, k *StoredKey) error {
		in.apply(&k.Key, expires)
		return tx.UpdateKey(ctx, *k)
	})
}

// change applies f to a key in a transaction, and then forgets what is cached
// of the key.
func (s *Keys) change(ctx context.Context, action, id string, f func(Tx, *StoredKey) error) (Key, error) {
	var k StoredKey
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if k, err = tx.Key(ctx, id); err != nil {
			return keyError(err)
		}
		if err := f(tx, &k); err != nil {
			return err
		}
		return tx.Record(ctx, CallerFrom(ctx).Event(action, keySubject(id), tx.Now()))
	})
	if undecided(err) {
		s.credentials.forget(ctx, keySubject(id))
	}
	if err != nil {
		return Key{}, err
	}
	return s.current(&k.Key), nil
}

// Rotate gives the key a new secret. The old one is refused once Rotate
// returns, or lives on for overlap seconds; one that is older still is refused
// at once. Safe to retry with an Idempotency-Key.
func (s *Keys) Rotate(ctx context.Context, id string, overlap int) (NewKey, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return NewKey{}, err
	}
	if err := checkHandle("id", id); err != nil {
		return NewKey{}, err
	}
	if err := checkOverlap(overlap); err != nil {
		return NewKey{}, err
	}
	request := struct {
		ID      string
		Overlap int
	}{id, overlap}
	made, err := once(ctx, s.replays, call{"RotateKey", p.Actor(), request, replayFor}, func(ctx context.Context, tx Tx) (NewKey, error) {
		k, err := tx.Key(ctx, id)
		if err != nil {
			return NewKey{}, keyError(err)
		}
		now := tx.Now()
		k.PreviousHash, k.PreviousExpiresAt, k.RotatedAt = nil, nil, &now
		if overlap > 0 {
			old, end := k.Hash, now.Add(time.Duration(overlap)*time.Second)
			k.PreviousHash, k.PreviousExpiresAt = &old, &end
		}
		secret := s.mint(&k)
		if err := tx.UpdateKey(ctx, k); err != nil {
			return NewKey{}, err
		}
		return NewKey{s.current(&k.Key), secret}, tx.Record(ctx, CallerFrom(ctx).Event(audit.KeyRotate, keySubject(id), now))
	})
	if undecided(err) {
		s.credentials.forget(ctx, keySubject(id))
	}
	if err != nil {
		return NewKey{}, err
	}
	return made, nil
}

// FinishRotation ends the older secret of the key, if one lives. It is refused once
// FinishRotation returns.
func (s *Keys) FinishRotation(ctx context.Context, id string) (Key, error) {
	if err := s.require(ctx, id); err != nil {
		return Key{}, err
	}
	return s.change(ctx, audit.KeyFinish, id, func(tx Tx, k *StoredKey) error {
		k.PreviousHash, k.PreviousExpiresAt = nil, nil
		return tx.UpdateKey(ctx, *k)
	})
}

// Delete ends the key, both its secrets, and the user tokens that it minted.
func (s *Keys) Delete(ctx context.Context, id string) (Key, error) {
	if err := s.require(ctx, id); err != nil {
		return Key{}, err
	}
	var ended []string
	k, err := s.change(ctx, audit.KeyDelete, id, func(tx Tx, k *StoredKey) (err error) {
		if ended, err = endKey(ctx, tx, id); err != nil {
			return err
		}
		return tx.DeleteKey(ctx, id)
	})
	s.credentials.forgetSessions(ctx, ended)
	return k, err
}
