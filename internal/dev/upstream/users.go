package upstream

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

func (s *Server) userRoutes() {
	s.handle("GET /users", either, s.listUsers)
	s.handle("POST /users", either, s.createUser)
	s.handle("GET /users/{id}", either, s.withUser(func(w http.ResponseWriter, _ *http.Request, id string) {
		u, _ := s.User(id)
		answer(w, http.StatusOK, u)
	}))
	s.handle("PATCH /users/{id}", tokenOnly, s.withUser(func(w http.ResponseWriter, r *http.Request, id string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var change map[string]*string
		if json.NewDecoder(r.Body).Decode(&change) != nil {
			refuse(w, http.StatusBadRequest, "Validation failed")
			return
		}
		u := *s.users[id]
		for name, member := range map[string]**string{
			"first_name": &u.FirstName, "last_name": &u.LastName, "email": &u.Email, "external_user_id": &u.ExternalUserID,
		} {
			if value, given := change[name]; given {
				*member = value
			}
		}
		s.users[id] = &u
		answer(w, http.StatusOK, u)
	}))
	s.handle("DELETE /users/{id}", tokenOnly, s.withUser(func(w http.ResponseWriter, _ *http.Request, id string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		u := s.users[id]
		delete(s.users, id)
		delete(s.synced, id)
		s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == id })
		answer(w, http.StatusOK, u)
	}))
}

// createUser ignores an id that the caller gives.
func (s *Server) createUser(w http.ResponseWriter, r *http.Request) {
	u := User{CreatedAt: now()}
	if err := json.NewDecoder(r.Body).Decode(&u); err != nil && err != io.EOF {
		refuse(w, http.StatusBadRequest, "Validation failed")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.users {
		if u.ExternalUserID != nil && other.ExternalUserID != nil && *other.ExternalUserID == *u.ExternalUserID {
			refuse(w, http.StatusConflict, "External user id is taken")
			return
		}
	}
	u.ID, u.CreatedAt = uuid.NewString(), now()
	s.add(&u)
	answer(w, http.StatusCreated, u)
}

func (s *Server) listUsers(w http.ResponseWriter, r *http.Request) {
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	page, limit := number("page", 1), number("limit", 20)
	all := s.matching(r.URL.Query())
	from, to := min((page-1)*limit, len(all)), min(page*limit, len(all))
	answer(w, http.StatusOK, map[string]any{
		"items": all[from:to], "total": len(all), "page": page, "limit": limit, "pages": (len(all) + limit - 1) / limit,
		"has_next": page*limit < len(all), "has_prev": page > 1,
	})
}

// matching returns the users with the external id of the query, if it has one, in the
// order of their last sync or else as they came.
func (s *Server) matching(query url.Values) []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []User{}
	for _, id := range s.order {
		u := s.users[id]
		if external := query.Get("external_user_id"); external == "" || u.ExternalUserID != nil && *u.ExternalUserID == external {
			all = append(all, *u)
		}
	}
	if query.Get("sort_by") == "last_synced_at" {
		slices.SortStableFunc(all, func(a, b User) int { return strings.Compare(valueOf(a.LastSyncedAt), valueOf(b.LastSyncedAt)) })
		if query.Get("sort_order") != "asc" {
			slices.Reverse(all)
		}
	}
	return all
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Users returns all users, in the order in which they came.
func (s *Server) Users() []User { return s.matching(nil) }

// SetSynced makes the user one whose data last came from the provider at the time, by an
// active connection.
func (s *Server) SetSynced(id, provider string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := *s.users[id]
	when := at.UTC().Format(time.RFC3339)
	u.LastSyncedAt, u.LastSyncedProvider, u.HasActiveConnection = &when, &provider, true
	s.users[id] = &u
}

// connections answers those of a user: one, if data came.
func (s *Server) connections(w http.ResponseWriter, _ *http.Request, id string) {
	u, _ := s.User(id)
	all := []any{}
	if u.LastSyncedAt != nil {
		all = append(all, map[string]any{"user_id": id, "provider": *u.LastSyncedProvider, "status": "active", "last_synced_at": *u.LastSyncedAt})
	}
	answer(w, http.StatusOK, all)
}

// withUser calls h with the id of the path, in whatever spelling, if there is such a
// user.
func (s *Server) withUser(h func(w http.ResponseWriter, r *http.Request, id string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.Parse(r.PathValue("id"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "Invalid user id")
			return
		}
		if _, ok := s.User(id.String()); !ok {
			refuse(w, http.StatusNotFound, "User not found")
			return
		}
		h(w, r, id.String())
	}
}

// page answers a list in its envelope, and list a bare one, of records that name the
// user.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	s.withUser(func(w http.ResponseWriter, _ *http.Request, id string) {
		answer(w, http.StatusOK, map[string]any{
			"data": []any{map[string]string{"user_id": id}}, "pagination": map[string]any{"has_more": false}, "metadata": map[string]any{},
		})
	})(w, r)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.withUser(func(w http.ResponseWriter, _ *http.Request, id string) {
		answer(w, http.StatusOK, []any{map[string]string{"user_id": id}})
	})(w, r)
}

// stream sends what Publish gives it, and a comment as a beat.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, id string) {
	events := make(chan string, 16)
	s.mu.Lock()
	s.streams[events] = id
	s.changed()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, events)
		s.changed()
	}()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for next := "event: sync.connected\ndata: {\"user_id\":\"" + id + "\"}\n\n"; ; {
		if _, err := io.WriteString(w, next); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case data := <-events:
			next = "data: " + data + "\n\n"
		case <-beat.C:
			next = ": beat\n\n"
		case <-r.Context().Done():
			return
		}
	}
}

// changed tells those who wait that streams opened or ended; s.mu is held.
func (s *Server) changed() {
	close(s.opened)
	s.opened = make(chan struct{})
}

// Publish sends an event to the user's streams.
func (s *Server) Publish(user, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for events, of := range s.streams {
		if of == user {
			events <- data
		}
	}
}

// Streams returns how many are open, and a channel that is closed once that changes.
func (s *Server) Streams() (int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams), s.opened
}
