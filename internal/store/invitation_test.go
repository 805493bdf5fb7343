package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// newInvitation returns a pending invitation that ends a week after it was made.
func newInvitation(name string, at time.Time) auth.StoredInvitation {
	return auth.StoredInvitation{
		ID: name, Email: name + "@example.com", Status: auth.InvitationPending, CreatedAt: at, ExpiresAt: at.Add(7 * 24 * time.Hour),
		Generation: 1, TokenHash: credential.Hash([]byte(fmt.Sprintf("%032s", name))),
	}
}

func TestEndedInvitationsAreTrimmed(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		s.write(t, func(ctx context.Context, tx auth.Tx) (err error) {
			for i := range 6 {
				ended := newInvitation(fmt.Sprint("ended-", i), epoch.Add(time.Duration(i)*time.Minute))
				ended.Status = []string{auth.InvitationAccepted, auth.InvitationRevoked}[i%2]
				err = errors.Join(err, tx.InsertInvitation(ctx, ended))
			}
			return errors.Join(err, tx.InsertInvitation(ctx, newInvitation("open", epoch)), tx.TrimInvitations(ctx, 4))
		})
		for name, want := range map[string]error{
			"ended-0": problem.ErrNotFound, "ended-1": problem.ErrNotFound, "ended-2": nil, "ended-5": nil, "open": nil,
		} {
			if _, err := s.Invitation(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	})
}

func TestOldInvitationsArePurged(t *testing.T) {
	now := epoch.AddDate(1, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, _ *time.Time) {
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			over := newInvitation("over", now)
			over.ExpiresAt = now.Add(-auth.InvitationsKeptFor)
			last := newInvitation("last", now)
			last.ExpiresAt = over.ExpiresAt.Add(time.Microsecond)
			return errors.Join(tx.InsertInvitation(ctx, over), tx.InsertInvitation(ctx, last))
		})
		if err := s.Purge(t.Context(), Retention{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Invitation(t.Context(), "over"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("what ended a month ago: %v", err)
		}
		if _, err := s.Invitation(t.Context(), "last"); err != nil {
			t.Error(err)
		}
	})
}

// An email has one invitation that is pending, whatever its callers check.
func TestEmailHasOnePendingInvitation(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return tx.InsertInvitation(ctx, newInvitation("a", epoch))
		})
		again := newInvitation("b", epoch)
		again.Email = "A@EXAMPLE.com"
		err := s.Write(t.Context(), func(ctx context.Context, tx auth.Tx) error { return tx.InsertInvitation(ctx, again) })
		if err == nil {
			t.Error("a second one was made")
		}
	})
}
