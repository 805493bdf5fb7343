package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Users are the users of the upstream. Safe for concurrent use.
type Users struct{ Client *Client }

var _ auth.Upstream = Users{}

const usersPath = "/api/v1/users"

// fields are the members of a user that a client may set. A nil one clears its member.
type fields struct {
	FirstName      *string `json:"first_name"`
	LastName       *string `json:"last_name"`
	Email          *string `json:"email"`
	ExternalUserID *string `json:"external_user_id"`
}

func fieldsOf(u auth.User) fields { return fields{u.FirstName, u.LastName, u.Email, u.ExternalUserID} }

// user is what the upstream says of one.
type user struct {
	ID                  string     `json:"id"`
	ExternalUserID      *string    `json:"external_user_id"`
	LastSyncedAt        *time.Time `json:"last_synced_at"`
	LastSyncedProvider  *string    `json:"last_synced_provider"`
	HasActiveConnection bool       `json:"has_active_connection"`
}

// call is Client.Call as the service's developer, with the errors of auth.Upstream.
func (u Users) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	err := u.Client.Call(ctx, Developer, method, path, query, in, out)
	if refused, ok := errors.AsType[*Refusal](err); ok {
		switch refused.Status {
		case http.StatusNotFound:
			return problem.ErrNotFound
		case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
			return &problem.Error{
				Kind: problem.Conflict, Reason: "upstream_refused", Cause: refused,
				Detail: "The product behind this server does not take these values of a user: names have up to 100 characters there, and an email must be one that can be delivered",
			}
		default:
			return problem.UnavailableError(refused)
		}
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return fmt.Errorf("%w: %w", auth.ErrNotAsked, err)
	}
	return err
}

// CreateUser implements auth.Upstream.
func (u Users) CreateUser(ctx context.Context, marker string, of auth.User) (string, error) {
	of.ExternalUserID = &marker
	var made user
	if err := u.call(ctx, http.MethodPost, usersPath, nil, fieldsOf(of), &made); err != nil {
		return "", err
	}
	return idOf(made)
}

// idOf returns the id of a user in its canonical form.
func idOf(found user) (string, error) {
	id, err := problem.UUID("id", found.ID)
	if err != nil {
		err = problem.UnavailableError(errors.New("the upstream answers with a user without an id"))
	}
	return id, err
}

// FindUser implements auth.Upstream.
func (u Users) FindUser(ctx context.Context, externalID string) (string, error) {
	page, _, err := u.list(ctx, url.Values{"external_user_id": {externalID}, "limit": {"2"}})
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(page, func(f user) bool { return f.ExternalUserID != nil && *f.ExternalUserID == externalID })
	if at < 0 {
		return "", problem.ErrNotFound
	}
	return idOf(page[at])
}

// UserExists implements auth.Upstream.
func (u Users) UserExists(ctx context.Context, id string) error {
	return u.call(ctx, http.MethodGet, usersPath+"/"+url.PathEscape(id), nil, nil, nil)
}

// UpdateUser implements auth.Upstream.
func (u Users) UpdateUser(ctx context.Context, of auth.User) error {
	return u.call(ctx, http.MethodPatch, usersPath+"/"+url.PathEscape(of.ID), nil, fieldsOf(of), nil)
}

// DeleteUser implements auth.Upstream.
func (u Users) DeleteUser(ctx context.Context, id string) error {
	return u.call(ctx, http.MethodDelete, usersPath+"/"+url.PathEscape(id), nil, nil, nil)
}

// Sync implements auth.Upstream. It reads the connections of the user, since the upstream
// says nothing of them where it returns a single one.
func (u Users) Sync(ctx context.Context, userID string) (auth.Sync, error) {
	var connections []struct {
		Provider     string     `json:"provider"`
		Status       string     `json:"status"`
		LastSyncedAt *time.Time `json:"last_synced_at"`
	}
	err := u.call(ctx, http.MethodGet, usersPath+"/"+url.PathEscape(userID)+"/connections", nil, nil, &connections)
	s := auth.Sync{UserID: userID}
	for _, c := range connections {
		s.Active = s.Active || c.Status == "active"
		if c.LastSyncedAt != nil && (s.At == nil || c.LastSyncedAt.After(*s.At)) {
			s.At, s.Provider = instant(c.LastSyncedAt), &c.Provider
		}
	}
	return s, err
}

// Syncs implements auth.Upstream.
func (u Users) Syncs(ctx context.Context, in auth.UserList) ([]auth.Sync, int, error) {
	query := url.Values{"page": {strconv.Itoa(*in.Page)}, "limit": {strconv.Itoa(*in.Limit)}}
	for name, value := range map[string]*string{
		"sort_by": in.SortBy, "sort_order": in.SortOrder, "search": in.Search, "email": in.Email, "external_user_id": in.ExternalUserID,
	} {
		if value != nil && *value != "" {
			query.Set(name, *value)
		}
	}
	page, total, err := u.list(ctx, query)
	if err != nil {
		return nil, 0, err
	}
	syncs := make([]auth.Sync, 0, len(page))
	for _, f := range page {
		id, err := idOf(f)
		if err != nil {
			return nil, 0, err
		}
		syncs = append(syncs, auth.Sync{UserID: id, At: instant(f.LastSyncedAt), Provider: f.LastSyncedProvider, Active: f.HasActiveConnection})
	}
	return syncs, total, nil
}

func (u Users) list(ctx context.Context, query url.Values) (page []user, total int, err error) {
	var answer struct {
		Items []user `json:"items"`
		Total int    `json:"total"`
	}
	err = u.call(ctx, http.MethodGet, usersPath, query, nil, &answer)
	return answer.Items, answer.Total, err
}

// instant returns the time as this server keeps times: in UTC, in microseconds.
func instant(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC().Truncate(time.Microsecond)
	return &at
}
