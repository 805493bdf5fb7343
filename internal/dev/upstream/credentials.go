package upstream

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
)

// Developer is one of its developers.
type Developer struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	password string
}

// application is one of its applications.
type application struct{ ID, AppID, secret, Name string }

// grant is what a refresh token stands for: a user and who minted it, or a developer.
type grant struct{ user, appID, developer string }

func digits(n int) string {
	raw := make([]byte, n/2)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

// AddKey returns an API key of nobody's.
func (s *Server) AddKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := "sk-" + digits(32)
	s.keys[key] = true
	return key
}

// RemoveKey ends an API key.
func (s *Server) RemoveKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, key)
}

// AddDeveloper returns a developer with the email and password.
func (s *Server) AddDeveloper(email, password string) Developer {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &Developer{ID: uuid.NewString(), Email: email, password: password}
	s.accounts = append(s.accounts, d)
	return *d
}

// AddApplication returns the id and secret of an application of the service's developer.
func (s *Server) AddApplication(name string) (appID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &application{uuid.NewString(), "app_" + digits(32), "secret_" + digits(64), name}
	s.apps = append(s.apps, a)
	return a.AppID, a.secret
}

// AddToken returns a refresh token of the user, minted by the application or whoever else
// appID names.
func (s *Server) AddToken(user, appID string) string {
	return s.grant(&grant{user: user, appID: appID})
}

// Live reports whether a refresh token works.
func (s *Server) Live(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refresh[token] != nil
}

// LiveTokens returns how many refresh tokens work.
func (s *Server) LiveTokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.refresh)
}

func (s *Server) grant(g *grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := "rt-" + digits(32)
	s.refresh[token] = g
	return token
}

func (s *Server) credentialRoutes() {
	s.handle("POST /auth/login", nothing, s.logIn)
	s.handle("GET /auth/me", tokenOnly, s.me)
	s.handle("GET /applications", tokenOnly, s.listApplications)
	s.handle("POST /users/{id}/token", nothing, s.exchange)
	s.handle("POST /token/refresh", nothing, s.refreshToken)
	s.handle("POST /token/revoke", nothing, s.revokeToken)
}

// account returns the developer with the email and password, nil if there is none. s.mu is
// held.
func (s *Server) account(email, password string) *Developer {
	for _, d := range s.accounts {
		if d.Email == email && d.password == password {
			return d
		}
	}
	return nil
}

func (s *Server) logIn(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	d := s.account(r.PostFormValue("username"), r.PostFormValue("password"))
	token := rand.Text() + rand.Text()
	if d != nil {
		s.tokens[token] = d
		s.logins++
	}
	s.mu.Unlock()
	if d == nil {
		refuse(w, http.StatusUnauthorized, "Incorrect email or password")
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "bearer", "expires_in": 3600, "refresh_token": s.grant(&grant{developer: d.ID}),
	})
}

func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	d := s.tokens[r.Header.Get("Authorization")[len("Bearer "):]]
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"id": d.ID, "email": d.Email, "first_name": "Ada", "last_name": nil, "created_at": now(), "updated_at": now(),
	})
}

// listApplications lists those of the developer who asks.
func (s *Server) listApplications(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	if s.tokens[r.Header.Get("Authorization")[len("Bearer "):]] == s.accounts[0] {
		for _, a := range s.apps {
			all = append(all, map[string]string{"id": a.ID, "app_id": a.AppID, "name": a.Name, "created_at": now()})
		}
	}
	answer(w, http.StatusOK, all)
}

// exchange fails, as the original in 0.6, for a user that it does not know.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	var in struct {
		AppID     string `json:"app_id"`
		AppSecret string `json:"app_secret"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.AppID == "" || in.AppSecret == "" {
		refuse(w, http.StatusBadRequest, "Either app credentials or admin authentication is required")
		return
	}
	s.mu.Lock()
	known := false
	for _, a := range s.apps {
		known = known || a.AppID == in.AppID && a.secret == in.AppSecret
	}
	s.mu.Unlock()
	user, err := uuid.Parse(r.PathValue("id"))
	_, exists := s.User(user.String())
	switch {
	case !known:
		refuse(w, http.StatusUnauthorized, "Invalid app credentials")
	case err != nil || !exists:
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	default:
		s.answerTokens(w, &grant{user: user.String(), appID: in.AppID})
	}
}

// answerTokens answers with a pair whose access token has the claims of the original.
func (s *Server) answerTokens(w http.ResponseWriter, g *grant) {
	claims := map[string]any{"sub": g.developer, "exp": 4102444800}
	if g.developer == "" {
		claims = map[string]any{"sub": g.user, "scope": "sdk", "app_id": g.appID, "exp": 4102444800}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	answer(w, http.StatusOK, map[string]any{
		"access_token": encode([]byte(`{"alg":"HS256"}`)) + "." + encode(payload) + "." + encode([]byte("signature")),
		"token_type":   "bearer", "expires_in": 3600, "refresh_token": s.grant(g),
	})
}

// take ends the refresh token of the body and returns what it stood for, nil if it was none.
func (s *Server) take(r *http.Request) *grant {
	var in struct {
		Token string `json:"refresh_token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // "" is no token
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.refresh[in.Token]
	delete(s.refresh, in.Token)
	return g
}

func (s *Server) refreshToken(w http.ResponseWriter, r *http.Request) {
	g := s.take(r)
	if g == nil {
		refuse(w, http.StatusUnauthorized, "Invalid or revoked refresh token")
		return
	}
	s.answerTokens(w, g)
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) {
	if s.take(r) == nil {
		refuse(w, http.StatusNotFound, "Refresh token not found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
