package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// maxRefusedSecrets bounds the refused secrets that are kept in memory.
const maxRefusedSecrets = 1 << 12

// importedSecrets compares secrets of applications with what bcrypt made of the right
// ones. Each comparison takes a third of a second of a processor, so that it runs in the
// lane of passwords, and once for a secret: callers of one secret share one, a wrong
// secret is remembered, and a right one is stored our way. Safe for concurrent use.
type importedSecrets struct {
	store  Store
	vault  *credential.Vault
	hasher *credential.Passwords
	fresh  func(context.Context) context.Context

	mu      sync.Mutex
	refused map[credential.Hash]struct{}
	running map[credential.Hash]*secretCheck
}

// secretCheck is a comparison under way.
type secretCheck struct {
	done chan struct{} // closed once the result is there
	app  StoredApplication
	err  error
}

func newImportedSecrets(s Store, v *credential.Vault, hasher *credential.Passwords, fresh func(context.Context) context.Context) *importedSecrets {
	return &importedSecrets{
		store: s, vault: v, hasher: hasher, fresh: fresh,
		refused: map[credential.Hash]struct{}{}, running: map[credential.Hash]*secretCheck{},
	}
}

// check returns the application as it is once the secret with the hash was compared: it
// admits the hash then if the secret is the one that was imported.
func (s *importedSecrets) check(ctx context.Context, a StoredApplication, secret string, h credential.Hash) (StoredApplication, error) {
	imported, err := s.store.Imported(ctx, ImportedApplication, a.AppID)
	if errors.Is(err, problem.ErrNotFound) || err == nil && !s.holds(&a, imported.Secret) {
		return a, nil
	} else if err != nil {
		return a, err
	}
	name := s.vault.HashParts("imported-check", a.AppID, imported.Secret, secret)
	s.mu.Lock()
	_, wrong := s.refused[name]
	c := s.running[name]
	first := c == nil
	if !wrong && first {
		c = &secretCheck{done: make(chan struct{}), app: a}
		s.running[name] = c
	}
	s.mu.Unlock()
	switch {
	case wrong:
		return a, nil
	case first:
		// The others wait for it, whether or not its caller does.
		ctx := s.fresh(context.WithoutCancel(ctx))
		guest := CallerFrom(ctx).guest(false)
		go s.compare(ctx, guest, c, name, imported, secret, h)
	}
	select {
	case <-c.done:
		return c.app, c.err
	case <-ctx.Done():
		return a, problem.ContextError(ctx.Err())
	}
}

// holds reports whether the secret that bcrypt has hashed is one of the application's.
func (s *importedSecrets) holds(a *StoredApplication, bcrypt string) bool {
	if !credential.IsBcrypt(bcrypt) {
		return false
	}
	h := importedSecretHash(s.vault, bcrypt)
	return a.Hash == h || a.PreviousHash != nil && *a.PreviousHash == h
}

// compare compares the secret, and ends the check.
func (s *importedSecrets) compare(
	ctx context.Context, g credential.Guest, c *secretCheck, name credential.Hash, imported Imported, secret string, h credential.Hash,
) {
	ok, err := s.hasher.Verify(ctx, g, imported.Secret, secret)
	if err == nil && ok {
		ctx, end := settle(ctx)
		c.app, err = s.replace(ctx, imported, h)
		end()
	}
	c.err = hashingError(err)
	s.mu.Lock()
	delete(s.running, name)
	if err == nil && !ok {
		s.refuse(name)
	}
	s.mu.Unlock()
	close(c.done)
}

// refuse remembers a wrong secret. The mutex is held.
func (s *importedSecrets) refuse(name credential.Hash) {
	for other := range s.refused {
		if len(s.refused) < maxRefusedSecrets {
			break
		}
		delete(s.refused, other)
	}
	s.refused[name] = struct{}{}
}

// replace stores the hash of the right secret in the place of that by bcrypt, and returns
// the application. Another node may have done so.
func (s *importedSecrets) replace(ctx context.Context, imported Imported, h credential.Hash) (a StoredApplication, err error) {
	placeholder := importedSecretHash(s.vault, imported.Secret)
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if a, err = tx.ClaimApplication(ctx, imported.ID); err != nil {
			return err
		}
		switch {
		case a.Hash == placeholder:
			a.Hash = h
		case a.PreviousHash != nil && *a.PreviousHash == placeholder:
			a.PreviousHash = &h
		default:
			return nil
		}
		if err := tx.UpdateApplication(ctx, a); err != nil {
			return err
		}
		imported.Secret = hex.EncodeToString(h[:])
		return tx.PutImported(ctx, imported)
	})
	return a, err
}
