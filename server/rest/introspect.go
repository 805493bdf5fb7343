package rest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

// introspection is the answer of RFC 7662 section 2.2 for an active token.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	Use       string `json:"token_use,omitempty"` // the kind of credential
}

// oauthError is an error of RFC 6749 section 5.2 in the shape of all others.
type oauthError struct {
	Code string `json:"error"`
	openapi.Error
}

// Introspect serves RFC 7662: a form with a token, from a client that authenticates by a
// credential with the scope credentials:verify, or by the id and secret of an application
// (HTTP Basic). A token that is not active is {"active":false} and nothing else. The body
// must be bounded.
func (s *Server) Introspect(w http.ResponseWriter, r *http.Request) {
	app, err := basicApplication(r)
	if err != nil {
		FailOAuth(w, r, err)
		return
	}
	token, err := introspected(r)
	if err != nil {
		FailOAuth(w, r, err)
		return
	}
	i, err := s.Auth.Verifications.Introspect(r.Context(), app, token)
	if err != nil {
		FailOAuth(w, r, err)
		return
	}
	out := introspection{
		Active: i.Active, Scope: i.Scope, ClientID: i.ClientID, Subject: i.Subject, Issuer: i.Issuer, Use: i.Kind,
	}
	if i.Active {
		out.TokenType = "Bearer"
	}
	if !i.ExpiresAt.IsZero() {
		out.Expires = i.ExpiresAt.Unix()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // an error means that the client has gone
}

// FailOAuth writes a refusal as Fail does, with the error code of RFC 6749 section 5.2,
// and 400 where that is the status of a request that cannot be read.
func FailOAuth(w http.ResponseWriter, r *http.Request, err error) {
	c := call.From(r.Context())
	e := c.Fail(r.Context(), err)
	body := oauthError{Code: "invalid_request", Error: openapi.Error{Detail: e.Detail, Reason: e.Reason, RequestID: c.RequestID, RequiredScope: e.RequiredScope}}
	status := call.Status(e.Kind)
	switch e.Kind {
	case problem.Unauthenticated:
		body.Code = "invalid_client"
		w.Header().Add("WWW-Authenticate", `Basic realm="openwearables"`)
	case problem.Invalid:
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

// basicApplication returns the application that authenticates by HTTP Basic, whose id and
// secret are encoded as in a form (RFC 6749 section 2.3.1), or none.
func basicApplication(r *http.Request) (auth.AppCredentials, error) {
	all := r.Header["Authorization"]
	if len(all) != 1 || len(r.Header["X-Open-Wearables-Api-Key"]) > 0 {
		return auth.AppCredentials{}, nil
	}
	if scheme, _, _ := strings.Cut(all[0], " "); !strings.EqualFold(scheme, "Basic") {
		return auth.AppCredentials{}, nil
	}
	id, secret, ok := r.BasicAuth()
	id, badID := url.QueryUnescape(id)
	secret, badSecret := url.QueryUnescape(secret)
	if !ok || badID != nil || badSecret != nil || id == "" || secret == "" {
		return auth.AppCredentials{}, auth.ErrInvalidApp()
	}
	return auth.AppCredentials{AppID: id, AppSecret: secret}, nil
}

// introspected returns the token of the form. token_type_hint and members of other names
// are ignored.
func introspected(r *http.Request) (string, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return "", &problem.Error{Kind: problem.UnsupportedMedia, Reason: "unsupported_media_type", Detail: "Send the body as application/x-www-form-urlencoded"}
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	return formToken(string(data))
}

func formToken(form string) (string, error) {
	values, err := url.ParseQuery(form)
	if err != nil {
		return "", problem.InvalidError(problem.FieldError{Message: "The body must be a valid form"})
	}
	switch tokens := values["token"]; {
	case len(values["token_type_hint"]) > 1 || len(tokens) > 1:
		return "", problem.InvalidError(problem.FieldError{Field: "token", Message: "must be given only once, and so must token_type_hint"})
	case len(tokens) == 0 || tokens[0] == "":
		return "", problem.InvalidError(problem.FieldError{Field: "token", Message: "is required"})
	default:
		return tokens[0], nil
	}
}
