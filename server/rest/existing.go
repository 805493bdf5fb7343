package rest

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// The methods in this file answer what clients of the existing product call, and what this
// server has nothing to tell of by itself.

// GetConfig tells the dashboard of the existing product which of its pages work. Those of
// outgoing webhooks do not: the endpoints of this server have other paths and another form.
func (s *Server) GetConfig(w http.ResponseWriter, r *http.Request) {
	if _, err := auth.RequireDeveloper(r.Context()); err != nil {
		Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]bool{"outgoing_webhooks_enabled": false}) // an error means that the client has gone
}

// TouchMCPClient answers an MCP server that says it is there. When its key was last used is
// known without.
func (s *Server) TouchMCPClient(w http.ResponseWriter, r *http.Request) {
	if _, err := auth.RequireKey(r.Context()); err != nil {
		Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// cloudProviders are those of the existing product to which a user connects by OAuth.
var cloudProviders = []string{"fitbit", "garmin", "oura", "polar", "strava", "suunto", "ultrahuman", "whoop"}

// DisconnectProvider answers an app that signs out of a provider. A phone is not connected
// to this server beyond its session, so that there is nothing to end.
func (s *Server) DisconnectProvider(w http.ResponseWriter, r *http.Request) {
	if err := s.disconnect(r, r.PathValue("provider")); err != nil {
		Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) disconnect(r *http.Request, provider string) error {
	id, err := auth.UserID(r.PathValue("user_id"))
	if err != nil {
		return err
	}
	phone := slices.Contains(phoneProviders, provider)
	if phone {
		_, err = auth.RequireOwner(r.Context(), auth.ConnectionsWrite, id)
	} else {
		_, err = auth.RequireAccount(r.Context(), auth.ConnectionsWrite)
	}
	if err != nil {
		return err
	}
	if !phone && !slices.Contains(cloudProviders, provider) {
		return errUpload("provider must be one of those that the existing product knows, such as apple")
	}
	if err := s.Workouts.Exists(r.Context(), id); err != nil || phone {
		return err
	}
	return problem.NotFoundError("Connection")
}
