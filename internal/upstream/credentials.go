package upstream

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Credentials proves credentials to the upstream as their holders would. Safe for
// concurrent use.
type Credentials struct{ Client *Client }

var _ auth.UpstreamCredentials = Credentials{}

// judged returns problem.ErrNotFound for an answer by which the upstream refuses what was
// proved, and an error of kind Unavailable for any other that is none.
func judged(err error) error {
	refused, ok := errors.AsType[*Refusal](err)
	if !ok {
		return err
	}
	switch refused.Status {
	case http.StatusUnauthorized, http.StatusBadRequest, http.StatusUnprocessableEntity:
		return problem.ErrNotFound
	default: // such as 429, or of a proxy
		return problem.UnavailableError(refused)
	}
}

// VerifyKey implements auth.UpstreamCredentials.
func (c Credentials) VerifyKey(ctx context.Context, secret string) error {
	return judged(c.Client.call(ctx, request{
		method: http.MethodGet, path: usersPath, query: url.Values{"limit": {"1"}}, contentType: jsonType,
		proof: http.Header{header: {secret}},
	}, nil))
}

// pair is what the upstream says of tokens.
type pair struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// VerifyApplication implements auth.UpstreamCredentials. Older upstreams fail for a user
// whom they do not know, so that another one is taken then.
func (c Credentials) VerifyApplication(ctx context.Context, app auth.AppCredentials, userID string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	users := Users(c)
	if userID == "" || errors.Is(users.UserExists(ctx, userID), problem.ErrNotFound) {
		page, _, err := users.list(ctx, url.Values{"limit": {"1"}})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return problem.UnavailableError(errors.New("the upstream has no user for whom an application could prove itself"))
		}
		if userID, err = idOf(page[0]); err != nil {
			return err
		}
	}
	var tokens pair
	err := judged(c.post(ctx, usersPath+"/"+url.PathEscape(userID)+"/token", map[string]string{"app_id": app.AppID, "app_secret": app.AppSecret}, &tokens))
	if err == nil && tokens.RefreshToken != "" {
		c.EndToken(ctx, tokens.RefreshToken)
	}
	return err
}

// post sends in as JSON, without a credential beside it.
func (c Credentials) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.Client.call(ctx, request{method: http.MethodPost, path: path, body: body, contentType: jsonType}, out)
}

// Application implements auth.UpstreamCredentials. The upstream lists those of the
// service's developer alone.
func (c Credentials) Application(ctx context.Context, appID string) (auth.Application, error) {
	var all []struct {
		ID        string    `json:"id"`
		AppID     string    `json:"app_id"`
		Name      string    `json:"name"`
		CreatedAt time.Time `json:"created_at"`
	}
	if err := c.Client.Call(ctx, Developer, http.MethodGet, "/api/v1/applications", nil, nil, &all); err != nil {
		return auth.Application{}, err
	}
	found := auth.Application{AppID: appID}
	for _, a := range all {
		if id, err := problem.UUID("id", a.ID); err == nil && a.AppID == appID {
			found.ID, found.Name, found.CreatedAt = id, a.Name, *instant(&a.CreatedAt)
		}
	}
	return found, nil
}

// VerifyDeveloper implements auth.UpstreamCredentials.
func (c Credentials) VerifyDeveloper(ctx context.Context, email, password string) (auth.Developer, error) {
	form := url.Values{"username": {email}, "password": {password}, "grant_type": {"password"}}
	var tokens pair
	err := judged(c.Client.call(ctx, request{method: http.MethodPost, path: loginPath, body: []byte(form.Encode()), contentType: formType}, &tokens))
	if err != nil {
		return auth.Developer{}, err
	}
	if tokens.AccessToken == "" || !isToken(tokens.AccessToken) {
		return auth.Developer{}, problem.UnavailableError(errors.New("the upstream: a login without an access_token"))
	}
	var me struct {
		ID        string    `json:"id"`
		Email     string    `json:"email"`
		FirstName *string   `json:"first_name"`
		LastName  *string   `json:"last_name"`
		CreatedAt time.Time `json:"created_at"`
		UpdatedAt time.Time `json:"updated_at"`
	}
	err = c.Client.call(ctx, request{
		method: http.MethodGet, path: "/api/v1/auth/me", contentType: jsonType, proof: http.Header{"Authorization": {"Bearer " + tokens.AccessToken}},
	}, &me)
	if tokens.RefreshToken != "" {
		c.EndToken(ctx, tokens.RefreshToken)
	}
	if err != nil { // the password was right, so that this is no refusal
		return auth.Developer{}, problem.UnavailableError(err)
	}
	return auth.Developer{
		ID: me.ID, Email: me.Email, FirstName: me.FirstName, LastName: me.LastName, CreatedAt: since(me.CreatedAt), UpdatedAt: since(me.UpdatedAt),
	}, nil
}

// since returns the time, or now for one that is not told.
func since(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return *instant(&t)
}

// SpendToken implements auth.UpstreamCredentials. It reads the claims of the access token
// that the upstream makes for it, whose signature is of no use here. A developer's token
// is spent too, and refused.
func (c Credentials) SpendToken(ctx context.Context, token string) (auth.SpentToken, error) {
	var tokens pair
	if err := judged(c.post(ctx, "/api/v1/token/refresh", map[string]string{"refresh_token": token}, &tokens)); err != nil {
		return auth.SpentToken{}, err
	}
	var claims struct {
		Subject string `json:"sub"`
		Scope   string `json:"scope"`
		AppID   string `json:"app_id"`
	}
	parts := strings.Split(tokens.AccessToken, ".")
	if len(parts) != 3 {
		return auth.SpentToken{}, problem.UnavailableError(errors.New("the upstream: an access token that cannot be read"))
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		return auth.SpentToken{}, problem.UnavailableError(errors.New("the upstream: an access token whose claims cannot be read"))
	}
	id, err := problem.UUID("sub", claims.Subject)
	if err != nil || claims.Scope != "sdk" || strings.ContainsAny(claims.AppID, " \n") || len(claims.AppID) > problem.MaxName {
		return auth.SpentToken{}, problem.ErrNotFound
	}
	spent := auth.SpentToken{UserID: id, AppID: claims.AppID}
	if tokens.RefreshToken != token {
		spent.Successor = tokens.RefreshToken
	}
	return spent, nil
}

// EndToken implements auth.UpstreamCredentials.
func (c Credentials) EndToken(ctx context.Context, token string) {
	_ = c.post(context.WithoutCancel(ctx), "/api/v1/token/revoke", map[string]string{"refresh_token": token}, nil) // nobody else has it
}

// User implements auth.UpstreamCredentials.
func (c Credentials) User(ctx context.Context, id string) (auth.User, error) {
	var u struct {
		fields
		ID        string    `json:"id"`
		CreatedAt time.Time `json:"created_at"`
	}
	if err := Users(c).call(ctx, http.MethodGet, usersPath+"/"+url.PathEscape(id), nil, nil, &u); err != nil {
		return auth.User{}, err
	}
	return auth.User{
		ID: id, CreatedAt: since(u.CreatedAt), FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, ExternalUserID: u.ExternalUserID,
	}, nil
}
