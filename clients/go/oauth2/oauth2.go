// Package oauth2 lends a client's session to what speaks golang.org/x/oauth2.
package oauth2

import (
	"context"

	"golang.org/x/oauth2"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// TokenSource returns the session of c as a token source. It holds no state of
// its own: every Token comes from the client, which keeps it fresh, so do not
// wrap it in oauth2.ReuseTokenSource. ctx bounds every wait for a token, not the
// refresh itself. A client without a session fails with an *openwearables.Error.
//
// An oauth2.Transport sends the token wherever its requests go; the client's own
// Connect sends it to its base URL only.
func TokenSource(ctx context.Context, c *openwearables.Client) oauth2.TokenSource {
	return source{ctx, c}
}

type source struct {
	ctx    context.Context
	client *openwearables.Client
}

// Token implements oauth2.TokenSource. The refresh token is not given away.
func (s source) Token() (*oauth2.Token, error) {
	access, expiry, err := s.client.Token(s.ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: access.Reveal(), TokenType: "Bearer", Expiry: expiry}, nil
}
