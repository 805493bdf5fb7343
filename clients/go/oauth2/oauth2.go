// Package oauth2 adapts a client's session to golang.org/x/oauth2.
package oauth2

import (
	"context"

	"golang.org/x/oauth2"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// TokenSource returns the session of c as a token source. Every Token comes from the
// client, which keeps it fresh; do not wrap the source in oauth2.ReuseTokenSource.
// ctx limits each wait for a token, not the refresh itself. If c has no session,
// Token fails with an *openwearables.Error. Safe for concurrent use.
//
// An oauth2.Transport sends the token to any host that it is used for. The client of
// Connect sends it to the base URL only.
func TokenSource(ctx context.Context, c *openwearables.Client) oauth2.TokenSource {
	return source{ctx, c}
}

type source struct {
	ctx    context.Context
	client *openwearables.Client
}

// Token implements oauth2.TokenSource. It returns no refresh token.
func (s source) Token() (*oauth2.Token, error) {
	access, expiry, err := s.client.Token(s.ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: access.Reveal(), TokenType: "Bearer", Expiry: expiry}, nil
}
