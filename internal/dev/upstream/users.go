package upstream

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
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
		u := *s.users[id]
		if json.NewDecoder(r.Body).Decode(&u) != nil {
			refuse(w, http.StatusBadRequest, "Validation failed")
			return
		}
		u.ID = id
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
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []User{}
	for i := (page - 1) * limit; i < min(page*limit, len(s.order)); i++ {
		items = append(items, *s.users[s.order[i]])
	}
	answer(w, http.StatusOK, map[string]any{
		"items": items, "total": len(s.order), "page": page, "limit": limit, "pages": (len(s.order) + limit - 1) / limit,
		"has_next": page*limit < len(s.order), "has_prev": page > 1,
	})
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
