package upstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// proof is what a route demands.
type proof int

const (
	nothing   proof = iota
	either          // the service key, or a developer's token
	keyOnly         // a token is not looked at
	tokenOnly       // a key is not looked at
)

// WebhookSecret signs what a provider sends: the header X-WHOOP-Signature holds the
// HMAC of the exact bytes. Google sends it as a bearer.
const WebhookSecret = "provider-secret"

// provesItself reports whether the request has what the route demands.
func (s *Server) provesItself(r *http.Request, p proof) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	presented := r.Header.Get("X-Open-Wearables-API-Key")
	key := presented == s.Key || s.keys[presented]
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	developer := ok && s.tokens[token] != nil
	switch p {
	case either:
		return key || developer
	case keyOnly:
		return key && !ok
	case tokenOnly:
		return developer
	}
	return true
}

// handle serves h at "METHOD /path" below /api/v1, if the request has the proof.
func (s *Server) handle(pattern string, p proof, h http.HandlerFunc) {
	s.mux.HandleFunc(strings.Replace(pattern, " ", " /api/v1", 1), func(w http.ResponseWriter, r *http.Request) {
		if !s.provesItself(r, p) {
			refuse(w, http.StatusUnauthorized, "Could not validate credentials")
			return
		}
		h(w, r)
	})
}

// text answers one JSON text.
func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (s *Server) routes() {
	s.credentialRoutes()
	s.userRoutes()
	s.dataRoutes()
	s.settingRoutes()
	s.publicRoutes()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not Found") })
}

// dataRoutes are those of one user's data. Whoever has the key may read every user's.
func (s *Server) dataRoutes() {
	for _, what := range []string{"sync", "logs"} {
		s.handle("POST /sdk/users/{id}/"+what, keyOnly, s.upload)
	}
	for _, what := range []string{
		"summaries/activity", "summaries/sleep", "summaries/body", "summaries/recovery", "timeseries", "events/workouts", "events/sleep",
		"events/menstrual-cycles", "health-scores", "data-sources",
	} {
		s.handle("GET /users/{id}/"+what, either, s.page)
	}
	for _, what := range []string{"sync/recent", "sync/runs"} {
		s.handle("GET /users/{id}/"+what, either, s.list)
	}
	s.handle("GET /users/{id}/connections", either, s.withUser(s.connections))
	s.handle("GET /users/{id}/summaries/data", either, s.withUser(func(w http.ResponseWriter, _ *http.Request, id string) {
		answer(w, http.StatusOK, map[string]any{"user_id": id, "total_data_points": 7, "by_provider": []any{}})
	}))
	s.handle("GET /users/{id}/sync/stream", either, s.withUser(s.stream))
	gone := s.withUser(func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusNoContent) })
	for _, what := range []string{"workouts", "sleep", "menstrual-cycles"} {
		s.handle("DELETE /users/{id}/events/"+what+"/{event}", either, gone)
	}
	s.handle("DELETE /users/{id}/connections/{provider}", either, gone)
	s.handle("DELETE /users/{id}/connections/{provider}/data", either, gone)
	begun := s.withUser(func(w http.ResponseWriter, _ *http.Request, id string) {
		answer(w, http.StatusAccepted, map[string]any{"user_id": id, "status": "started"})
	})
	s.handle("POST /users/{id}/import/apple/xml/direct", either, begun)
	s.handle("POST /users/{id}/import/apple/xml/s3", either, begun)
	s.handle("POST /providers/{provider}/users/{id}/sync", either, begun)
	s.handle("POST /providers/{provider}/users/{id}/sync/historical", either, begun)
	s.handle("GET /providers/{provider}/users/{id}/workouts", either, s.list)
	s.handle("GET /providers/{provider}/users/{id}/workouts/{workout}", either, s.list)
	s.handle("GET /providers/garmin/users/{id}/backfill/status", either, s.list)
	s.handle("POST /providers/garmin/users/{id}/backfill/cancel", either, begun)
	s.handle("POST /providers/garmin/users/{id}/backfill/{type}/retry", either, begun)
	s.handle("GET /sync/runs", either, text(http.StatusOK, `[]`))
}

func (s *Server) settingRoutes() {
	for _, pattern := range []string{
		"PUT /oauth/providers", "PUT /oauth/providers/{provider}", "GET /priorities/providers", "PUT /priorities/providers",
		"PUT /priorities/providers/{p}", "GET /priorities/device-types", "PUT /priorities/device-types", "PUT /priorities/device-types/{t}",
		"GET /settings/archival", "PUT /settings/archival", "POST /settings/archival/run", "POST /settings/seed", "GET /settings/seed/presets",
		"GET /settings/seed/sleep-profiles", "GET /webhooks/endpoints", "POST /webhooks/endpoints", "GET /webhooks/endpoints/{e}",
		"PATCH /webhooks/endpoints/{e}", "DELETE /webhooks/endpoints/{e}", "GET /webhooks/endpoints/{e}/secret",
		"GET /webhooks/endpoints/{e}/attempts", "POST /webhooks/endpoints/{e}/test", "GET /webhooks/messages",
		"GET /providers/{p}/webhooks/subscriptions", "POST /providers/{p}/webhooks/subscriptions", "POST /providers/{p}/webhooks/subscriptions/renew",
		"GET /providers/{p}/webhooks/subscriptions/{s}", "PUT /providers/{p}/webhooks/subscriptions/{s}",
		"DELETE /providers/{p}/webhooks/subscriptions/{s}", "GET /oura/webhooks/subscriptions", "POST /oura/webhooks/subscriptions",
		"POST /oura/webhooks/subscriptions/renew", "GET /dashboard/stats", "GET /config", "GET /newer/{id}/things",
		// These answer with what only this server may answer.
		"GET /developers", "DELETE /developers/{id}", "GET /invitations",
	} {
		s.handle(pattern, tokenOnly, func(w http.ResponseWriter, r *http.Request) {
			answer(w, http.StatusOK, map[string]any{"setting": r.Pattern})
		})
	}
}

func (s *Server) publicRoutes() {
	for _, path := range []string{
		"GET /providers/{provider}/webhooks", "POST /providers/{provider}/webhooks", "POST /garmin/webhooks/ping", "POST /garmin/webhooks/push",
		"GET /oura/webhooks", "POST /oura/webhooks", "GET /strava/webhooks", "POST /strava/webhooks", "GET /strava/webhook", "POST /strava/webhook",
		"GET /oura/webhooks/health", "GET /strava/webhooks/health", "POST /sns/notification",
	} {
		s.handle(path, nothing, s.webhook)
	}
	s.handle("GET /oauth/{provider}/authorize", nothing, func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]string{"authorization_url": "https://provider.example/authorize?state=s", "state": "s"})
	})
	s.handle("GET /oauth/{provider}/callback", nothing, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/api/v1/oauth/success")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	for _, path := range []string{"GET /oauth/success", "GET /oauth/error"} {
		s.handle(path, nothing, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Set-Cookie", "__Host-ow_refresh=theirs; Path=/; Secure")
			_, _ = io.WriteString(w, "<script>close()</script>")
		})
	}
	s.handle("GET /oauth/providers", nothing, text(http.StatusOK, `[{"provider":"garmin"}]`))
	s.handle("GET /meta/coverage", nothing, text(http.StatusOK, `{}`))
	s.handle("GET /webhooks/event-types", nothing, text(http.StatusOK, `[]`))
	s.mux.HandleFunc("GET /static/{path...}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "public, max-age=60")
		_, _ = io.WriteString(w, "<svg/>")
	})
}

// webhook verifies a provider's proof over the exact bytes.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	if challenge := r.URL.Query().Get("hub.challenge"); challenge != "" {
		answer(w, http.StatusOK, map[string]string{"hub.challenge": challenge})
		return
	}
	body, err := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, []byte(WebhookSecret))
	mac.Write(body)
	signed := r.Header.Get("X-WHOOP-Signature") == hex.EncodeToString(mac.Sum(nil))
	if err != nil || !signed && r.Header.Get("Authorization") != "Bearer "+WebhookSecret && r.Method != http.MethodGet {
		refuse(w, http.StatusUnauthorized, "Invalid webhook signature")
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

// upload keeps what a phone sends. It answers alike for a user that it does not know,
// whose upload its worker drops.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	id, err := uuid.Parse(r.PathValue("id"))
	var body struct {
		Provider string `json:"provider"`
	}
	if err != nil || r.Header.Get("Content-Encoding") != "" {
		refuse(w, http.StatusBadRequest, "Validation failed")
		return
	}
	if json.NewDecoder(r.Body).Decode(&body) == nil && strings.HasSuffix(r.URL.Path, "/sync") && body.Provider != "apple" &&
		body.Provider != "samsung" && body.Provider != "google" {
		refuse(w, http.StatusBadRequest, "Validation failed: provider")
		return
	}
	s.mu.Lock()
	if s.users[id.String()] != nil {
		s.synced[id.String()] += s.requests[len(s.requests)-1].Size
	}
	s.mu.Unlock()
	answer(w, http.StatusAccepted, map[string]any{
		"status_code": 202, "response": "Import tasks queued successfully", "user_id": id.String(),
		"dropped_count": 0, "records_saved": 0, "workouts_saved": 0, "sleep_saved": 0,
	})
}
