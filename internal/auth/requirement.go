package auth

import (
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/problem"
)

// Requirement says who may make a request to a service that is not this one.
type Requirement struct {
	Anybody    bool // also without a credential, and with one that is refused
	Developers bool
	Keys       bool
	Users      bool
	Scope      string // that an API key must have; "": none
	UserID     string // whose data it is, which the token of no other user reaches; "": nobody's
	Spend      bool   // the request counts against the limit of its credential
}

// refusal returns why the caller may not make the request with its valid credential, or
// nil.
func (q *Requirement) refusal(c *Caller) *problem.Error {
	p := c.Principal
	switch {
	case q.Anybody:
		return nil
	case p.Kind == DeveloperToken && q.Developers:
		return nil
	case p.Kind == APIKey && q.Keys:
		if q.Scope != "" && !slices.Contains(p.Scopes, q.Scope) {
			return errScope(Scope(q.Scope))
		}
		return nil
	case p.Kind == UserToken && q.Users:
		if q.UserID != "" && q.UserID != p.ID {
			return errOtherUser()
		}
		return nil
	default:
		return errNotAllowed()
	}
}

// Identity is what a service behind a proxy is told of a caller. What is not known is
// empty.
type Identity struct {
	Subject     string // such as key:key_01
	Kind        string // as in a Verification
	Scopes      string // with a space between two
	UserID      string // of the token of a user
	AppID       string // who minted that
	Environment string // of an API key
}

// Identified returns the identity of the caller's principal, which is nobody's without
// one.
func (c *Caller) Identified() (i Identity) {
	p := c.Principal
	if p == nil {
		return i
	}
	i.Subject, i.Kind = p.Actor(), kindNames[p.Kind]
	switch p.Kind {
	case APIKey:
		i.Scopes, i.Environment = strings.Join(p.Scopes, " "), environmentOf(c.presented)
	case UserToken:
		i.Scopes, i.UserID, i.AppID = userScope, p.ID, p.AppID
	}
	return i
}
