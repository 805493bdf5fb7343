package auth

import "context"

// revoker ends sessions. Safe for concurrent use.
type revoker struct {
	store       Store
	credentials *credentials
}

// revoke ends the sessions that match, records each, and returns their ids.
// Their tokens are refused once it returns.
func (s *revoker) revoke(ctx context.Context, action string, which SessionFilter) ([]string, error) {
	c := CallerFrom(ctx)
	var ended []string
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if ended, err = tx.EndSessions(ctx, which, tx.Now()); err != nil {
			return err
		}
		return recordSessions(ctx, tx, c, action, ended)
	})
	if err != nil {
		return nil, err
	}
	s.credentials.forgetSessions(ctx, ended)
	return ended, nil
}
