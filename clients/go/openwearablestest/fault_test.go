package openwearablestest_test

import (
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
)

// A refusal with a status is of the kind that an app tells it by.
func TestFaultsHaveTheKindOfTheirStatus(t *testing.T) {
	for status, want := range map[int]openwearables.Kind{
		400: openwearables.KindInvalid, 401: openwearables.KindUnauthenticated, 403: openwearables.KindForbidden,
		404: openwearables.KindNotFound, 408: openwearables.KindTimeout, 409: openwearables.KindConflict,
		422: openwearables.KindInvalid, 429: openwearables.KindRateLimited, 500: openwearables.KindInternal,
		501: openwearables.KindInternal, 502: openwearables.KindUnavailable, 503: openwearables.KindUnavailable,
		504: openwearables.KindUnavailable,
	} {
		s := newServer(t)
		c := newClient(t, s, openwearables.WithAPIKey(s.NewAPIKey()), openwearables.WithRetries(0))
		s.Fail(1, openwearablestest.Fault{Status: status}, "GetUser")
		id := s.NewUser("u-1")
		if _, err := c.Users.Get(t.Context(), id); openwearables.KindOf(err) != want {
			t.Errorf("%d: %v, want the kind %s", status, err, want)
		}
		if _, err := c.Users.Get(t.Context(), id); err != nil {
			t.Errorf("after %d: %v", status, err)
		}
	}
}

// A fault that could never apply is a mistake of the test, which is told at once.
func TestFaultsThatCannotApplyPanic(t *testing.T) {
	s := newServer(t)
	for says, fail := range map[string]func(){
		`no RPC "GetUsr"`: func() { s.Fail(1, openwearablestest.Fault{Drop: true}, "GetUser", "GetUsr") },
		"and not 200":     func() { s.Fail(1, openwearablestest.Fault{Status: 200}) },
		"and not 600":     func() { s.Fail(1, openwearablestest.Fault{Status: 600}, "GetUser") },
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, says) {
					t.Errorf("it panics with %q, want %q", said, says)
				}
			}()
			fail()
		}()
	}
}
