package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// makeUsers measures the creation of the users, and keeps their ids.
func (r *benchRun) makeUsers(ctx context.Context) error {
	create := func(n int) benchCall {
		return benchCall{"POST", "/api/v1/users", fmt.Sprintf(`{"external_user_id":"%s-%d"}`, r.mark, n), http.StatusCreated}
	}
	return r.measure(ctx, "creation of a user", r.Users, create, func(body []byte) error {
		var user struct{ ID string }
		if err := json.Unmarshal(body, &user); err != nil || user.ID == "" {
			return errNoPage
		}
		r.users = append(r.users, user.ID)
		return nil
	})
}

// tidy deletes the users that were made, and measures that. It finds those whose
// creation was not answered, too.
func (r *benchRun) tidy(ctx context.Context) (err error) {
	if len(r.users) > 0 {
		err = r.measure(ctx, "deletion of a user", len(r.users), func(n int) benchCall { return r.user("DELETE", r.users[n]) }, nil)
	}
	for rest := []string{""}; err == nil && len(rest) > 0; {
		rest, err = r.sweep(ctx)
	}
	if err != nil {
		return fmt.Errorf("some users may be left: delete those whose external_user_id begins with %s: %w", r.mark, err)
	}
	return nil
}

// sweep deletes users that are left and returns them; none if there was none. It waits
// where it is turned away.
func (r *benchRun) sweep(ctx context.Context) (left []string, err error) {
	body, err := r.insist(ctx, r.list(r.mark))
	if err != nil {
		return nil, err
	}
	if left, err = idsOf(body); err != nil {
		return nil, err
	}
	for _, id := range left {
		if _, err := r.insist(ctx, r.user("DELETE", id)); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// insist makes a call, and again once it may after it was turned away.
func (r *benchRun) insist(ctx context.Context, call benchCall) ([]byte, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Until(r.resume)):
		}
		body, pause, err := r.do(ctx, call)
		if err != nil || pause == 0 {
			return body, err
		}
		r.limited++
		r.wait(pause)
	}
}
