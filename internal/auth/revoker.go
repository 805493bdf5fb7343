package auth

import "context"

// end revokes sessions, with one audit row for each, and drops what is cached
// of them before it returns.
func (s *Sessions) end(ctx context.Context, action string, which SessionFilter) ([]string, error) {
	c := CallerFrom(ctx)
	var ended []string
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if ended, err = tx.EndSessions(ctx, which, tx.Now()); err != nil {
			return err
		}
		return recordEach(ctx, tx, c, action, "session:", ended)
	})
	if err != nil {
		return nil, err
	}
	s.forgetSessions(ctx, ended)
	return ended, nil
}
