package front

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/openwearables/openwearables/internal/problem"
)

// metadataPath is where RFC 8414 section 3 has the metadata of an authorization server, and
// jwksPath where it has its keys.
const (
	metadataPath = "/.well-known/oauth-authorization-server"
	jwksPath     = "/.well-known/jwks.json"
)

// metadata is what RFC 8414 section 2 says of this server. It has no endpoint of OAuth that
// gives tokens or revokes them: those of the API take JSON.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	KeysURI                  string   `json:"jwks_uri"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	ServiceDocumentation     string   `json:"service_documentation"`
}

// registerMetadata serves the metadata of the server at the URL and, if that has a path,
// also where the standard puts it: between the host and that path. A proxy may remove the
// path from what it forwards or leave it in.
func (f *Front) registerMetadata(publicURL string) {
	if publicURL == "" {
		f.handlePage("GET "+metadataPath, "Metadata", func(w http.ResponseWriter, r *http.Request) {
			refuse(w, r, &problem.Error{
				Kind: problem.NotFound, Reason: "not_found", Detail: "This server does not know its URL: set --public-url to that which its callers use",
			})
		})
		return
	}
	body, _ := json.Marshal(metadata{ // has nothing that cannot be marshalled
		Issuer: publicURL, KeysURI: publicURL + jwksPath, IntrospectionEndpoint: publicURL + "/oauth/introspect",
		IntrospectionAuthMethods: []string{"client_secret_basic"}, ResponseTypes: []string{}, GrantTypes: []string{},
		ServiceDocumentation: publicURL + "/docs",
	})
	serve := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", publicFor5Minutes)
		_, _ = w.Write(body) // an error means that the client has gone
	}
	f.handlePage("GET "+metadataPath, "Metadata", serve)
	if u, err := url.Parse(publicURL); err == nil && u.Path != "" {
		f.handlePage("GET "+metadataPath+u.Path, "Metadata", serve)
	}
}
