package auth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openwearables/openwearables/internal/problem"
)

// quietFor is for how long an upstream that failed is not asked for what an answer can do
// without, and syncTime how long an answer waits for it.
const (
	quietFor = 5 * time.Second
	syncTime = 2 * time.Second
)

// show replaces what the users of a page have of their last sync, as this database has
// it, by what the upstream knows. in is the list of which it is the page in.Page. Without
// an answer in time, they were never synced.
func (m *Mirror) show(ctx context.Context, users []User, in UserList) {
	for i := range users {
		Sync{}.apply(&users[i])
	}
	if len(users) == 0 || m.machine().UnixNano() < m.quiet.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	var syncs []Sync
	var err error
	if len(users) > 1 { // the same page there has most of them
		syncs, _, err = m.upstream.Syncs(ctx, in)
	}
	if err == nil {
		err = m.showEach(ctx, users, syncs)
	}
	if err != nil {
		m.quiet.Store(m.machine().Add(quietFor).UnixNano())
	}
}

// showEach applies the syncs to their users, and asks for those of the other ones.
func (m *Mirror) showEach(ctx context.Context, users []User, syncs []Sync) error {
	of := make(map[string]Sync, len(syncs))
	for _, s := range syncs {
		of[s.UserID] = s
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range users {
		if s, ok := of[users[i].ID]; ok {
			s.apply(&users[i])
			continue
		}
		group.Go(func() (err error) {
			defer problem.CatchPanic(&err)
			s, err := m.upstream.Sync(ctx, users[i].ID)
			if errors.Is(err, problem.ErrNotFound) {
				return nil
			}
			if err == nil {
				s.apply(&users[i])
			}
			return err
		})
	}
	return group.Wait()
}
