package faultproxy

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A rule of one token follows the token of its first request, and no count of requests
// ends it.
func TestSameToken(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	proxy := New(server.URL)
	t.Cleanup(proxy.Close)
	proxy.Rules(Rule{Method: "GetUser", Skip: 1, Fault: Answer, Status: http.StatusUnauthorized, SameToken: true})

	for i, want := range []struct {
		token  string
		status int
	}{
		{"skipped", http.StatusOK},
		{"old", http.StatusUnauthorized},
		{"new", http.StatusOK},
		{"old", http.StatusUnauthorized},
		{"", http.StatusOK},
		{"skipped", http.StatusOK},
		{"old", http.StatusUnauthorized},
	} {
		r := httptest.NewRequest(http.MethodPost, "/openwearables.v1.UserService/GetUser", http.NoBody)
		if want.token != "" {
			r.Header.Set("Authorization", "Bearer "+want.token)
		}
		w := httptest.NewRecorder()
		proxy.ServeHTTP(w, r)
		if w.Code != want.status {
			t.Errorf("request %d, with the token %q: got %d, want %d", i, want.token, w.Code, want.status)
		}
	}
}
