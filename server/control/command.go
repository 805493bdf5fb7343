// Package control is the Unix socket beside a SQLite database. Through it, the
// commands of an operator reach the process that serves the database.
package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Command is one command of an operator.
type Command struct {
	Name      string `json:"name"` // one of the constants below
	Email     string `json:"email,omitempty"`
	Password  string `json:"password,omitempty"`
	UserID    string `json:"user_id,omitempty"`
	KeyID     string `json:"key_id,omitempty"`    // of a signing key
	Algorithm string `json:"algorithm,omitempty"` // of new signing keys; "" = the present one
}

// Names of commands.
const (
	DeveloperCreate      = "developer create"
	DeveloperList        = "developer list"
	DeveloperSetPassword = "developer set-password"
	DeveloperDisable     = "developer disable"
	DeveloperEnable      = "developer enable"
	DeveloperDelete      = "developer delete"
	UserExport           = "user export" // records it; the rows are read beside the server
	UserErase            = "user erase"
	SigningKeyRotate     = "signing-key rotate"
	SigningKeyRevoke     = "signing-key rotate --revoke"
)

// Developer is one entry of the list that DeveloperList returns.
type Developer struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"created_at"`
	Disabled  bool      `json:"disabled"`
}

// EndsCredentials reports whether the command ends sessions or tokens.
func (c Command) EndsCredentials() bool {
	return slices.Contains([]string{DeveloperSetPassword, DeveloperDisable, DeveloperDelete, UserErase}, c.Name)
}

// Execute executes the command on the services. Its errors are messages for the
// operator.
func (c Command) Execute(ctx context.Context, services *auth.Auth) ([]Developer, error) {
	list, err := c.dispatch(ctx, services)
	if err != nil {
		return nil, errors.New(operatorMessage(err))
	}
	return list, nil
}

func (c Command) dispatch(ctx context.Context, a *auth.Auth) ([]Developer, error) {
	d := a.Developers
	switch c.Name {
	case DeveloperCreate:
		_, err := d.Create(ctx, c.Email, c.Password)
		return nil, err
	case DeveloperList:
		return listDevelopers(ctx, d)
	case DeveloperSetPassword:
		return nil, d.SetPassword(ctx, c.Email, c.Password)
	case DeveloperDisable:
		return nil, d.Disable(ctx, c.Email)
	case DeveloperEnable:
		return nil, d.Enable(ctx, c.Email)
	case DeveloperDelete:
		return nil, d.Delete(ctx, c.Email)
	case UserExport:
		return nil, a.Users.RecordExport(ctx, c.UserID)
	case UserErase:
		return nil, a.Users.Erase(ctx, c.UserID)
	case SigningKeyRotate:
		return nil, a.Signing.RotateTo(ctx, c.Algorithm)
	case SigningKeyRevoke:
		return nil, a.Signing.Revoke(ctx, c.KeyID)
	default:
		return nil, fmt.Errorf("unknown command %q", c.Name)
	}
}

func listDevelopers(ctx context.Context, developers *auth.Developers) ([]Developer, error) {
	all, err := developers.All(ctx)
	list := make([]Developer, len(all))
	for i, d := range all {
		list[i] = Developer{d.ID, d.Email, d.CreatedAt, d.Disabled}
	}
	return list, err
}

// operatorMessage returns the message of err for the operator: the detail of a
// refusal, or all of another error.
func operatorMessage(err error) string {
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Cause == nil {
		return e.Detail
	}
	return err.Error()
}
