package oauth2_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	xoauth2 "golang.org/x/oauth2"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/oauth2"
)

func TestTokenSourceFollowsTheClient(t *testing.T) {
	got := ""
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer s.Close()
	c, err := openwearables.New("https://api.example.com", openwearables.WithStore(openwearables.MemoryStore()))
	if err != nil {
		t.Fatal(err)
	}
	source := oauth2.TokenSource(t.Context(), c)
	if _, err := source.Token(); !openwearables.IsUnauthenticated(err) {
		t.Fatalf("before the sign-in: %v", err)
	}
	pair := openwearables.TokenPair{Access: openwearables.NewSecret("a1"), Refresh: openwearables.NewSecret("r1"), ExpiresIn: time.Hour}
	if err := c.SignIn(t.Context(), pair); err != nil {
		t.Fatal(err)
	}
	token, err := source.Token()
	if err != nil || !token.Valid() || token.RefreshToken != "" || (time.Until(token.Expiry)-time.Hour).Abs() > time.Minute {
		t.Fatalf("token valid %v, expires in %v, %v", token.Valid(), time.Until(token.Expiry), err)
	}
	res, err := (&http.Client{Transport: &xoauth2.Transport{Source: source}, Timeout: time.Minute}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got != "Bearer a1" {
		t.Errorf("sent %q", got)
	}
	if _, err := oauth2.TokenSource(t.Context(), must(openwearables.New("https://api.example.com"))).Token(); !openwearables.IsInvalid(err) {
		t.Errorf("a client without a session: %v", err)
	}
}

func must(c *openwearables.Client, err error) *openwearables.Client {
	if err != nil {
		panic(err)
	}
	return c
}
