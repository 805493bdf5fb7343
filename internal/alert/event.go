package alert

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/audit"
)

// Outcomes of events that rules look for.
const (
	inBrowser  = "key_in_browser"
	notAllowed = "network_not_allowed"
)

// What the rules look for in the audit trail: events with one of the actions or one
// of the outcomes, and logins.
var (
	WatchedActions  = []string{audit.Reuse, audit.CredentialReport}
	WatchedOutcomes = []string{inBrowser, notAllowed}
)

// Developers returns which developers have logged in.
func Developers(all []audit.Event) []string {
	logins := make(map[string]bool)
	for i := range all {
		if isLogin(&all[i]) {
			logins[all[i].Subject] = true
		}
	}
	return slices.Sorted(maps.Keys(logins))
}

func isLogin(e *audit.Event) bool { return e.Action == audit.Login && e.Outcome == audit.OK }

// Events finds what events of the audit trail tell, each of which it must be given
// once. known are the sightings of the developers who have logged in; it returns
// those that are new or changed.
func (s Settings) Events(all []audit.Event, known map[string]Known, names Names) (found []Finding, seen []Sighting) {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b audit.Event) int { return a.At.Compare(b.At) })
	for i := range all {
		e := &all[i]
		if isLogin(e) {
			f, changed := s.login(e, known)
			if changed != nil {
				seen = append(seen, *changed)
			}
			if f != nil && s.on(LoginNewNetwork) {
				found = append(found, *f)
			}
			continue
		}
		if f := eventFinding(e, names); f != nil && s.on(f.Rule) {
			f.At, f.Count = e.At, int32(min(e.Occurrences, 1<<30))
			found = append(found, *f)
		}
	}
	return found, seen
}

func eventFinding(e *audit.Event, names Names) *Finding {
	switch {
	case e.Action == audit.Reuse:
		about := e.Actor
		if !strings.HasPrefix(about, "user:") && !strings.HasPrefix(about, "developer:") {
			about = e.Subject
		}
		kind, _, _ := strings.Cut(about, ":")
		return &Finding{
			Rule: RefreshReused, Subject: about, Link: events("subject", e.Subject),
			Message: fmt.Sprintf("A refresh token of a %s was used twice, the second time%s: its session was ended, since two parties hold it.", kind, from(e)),
		}
	case e.Action == audit.CredentialReport && e.Outcome == audit.OK:
		return &Finding{Rule: LeakReported, Subject: e.Subject, Link: linkOf(e.Subject), Message: leak(e, names)}
	case e.Outcome == inBrowser:
		about := keyOf(e)
		return &Finding{
			Rule: KeyInBrowser, Subject: about, Link: linkOf(about),
			Message: fmt.Sprintf("A browser%s sent %s: rotate it, and send it from a server only.", from(e), secretOf(about, names)),
		}
	case e.Outcome == notAllowed:
		about := keyOf(e)
		return &Finding{
			Rule: NetworkNotAllowed, Subject: about, Link: linkOf(about),
			Message: fmt.Sprintf("%s was used%s, which it does not allow, and was refused: rotate it if that was not you.",
				capital(names.of(about)), from(e)),
		}
	}
	return nil
}

func leak(e *audit.Event, names Names) string {
	kind, _, _ := strings.Cut(e.Subject, ":")
	if kind == "session" {
		return "A token was reported as leaked, and its session was ended."
	}
	return fmt.Sprintf("The secret of %s was reported as leaked, and was ended: rotate it, so that its users can go on.", names.of(e.Subject))
}

// secretOf names what a subject proves itself with.
func secretOf(subject string, names Names) string {
	if strings.HasPrefix(subject, "application:") {
		return "the secret of " + names.of(subject)
	}
	return names.of(subject)
}

// keyOf returns the key or the application that an event is about.
func keyOf(e *audit.Event) string {
	if !strings.HasPrefix(e.Subject, "key:") && strings.HasPrefix(e.Actor, "key:") || e.Subject == "" {
		return e.Actor
	}
	return e.Subject
}

// login sees the network of a login. The first login of a developer is from where it
// is expected.
func (s Settings) login(e *audit.Event, known map[string]Known) (*Finding, *Sighting) {
	network := networkOf(e.IP)
	if network == "" {
		return nil, nil
	}
	first := len(known[e.Subject]) == 0
	if first {
		known[e.Subject] = make(Known)
	}
	changed, fresh := known[e.Subject].see(e.Subject, network, e.At, days(s.of(LoginNewNetwork, forgetDays)))
	if !fresh || first {
		return nil, changed
	}
	return &Finding{
		Rule: LoginNewNetwork, Subject: e.Subject, At: e.At, Link: events("actor", e.Subject),
		Message: fmt.Sprintf("A developer logged in from %s, from where it had not in %s before: change its password and end its sessions if that was not the developer.",
			network, plural(int64(s.of(LoginNewNetwork, forgetDays)), "day")),
	}, changed
}

// from says from where an event came.
func from(e *audit.Event) string {
	if n := networkOf(e.IP); n != "" {
		return " from " + n
	}
	return ""
}

// networkOf returns the network of an address, as package usage tells networks apart:
// the /24, or the /48 of IPv6; "" if it is no address.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a, bits := a.Unmap().WithZone(""), 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
