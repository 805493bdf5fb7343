package alert

import (
	"fmt"
	"slices"
	"time"
)

// Sighting is a network from which a key or a developer was seen.
type Sighting struct {
	Subject string // "key:<id>" or "developer:<id>"
	Network string // as package usage names networks
	FirstAt time.Time
	SeenAt  time.Time // at most a day before it was last seen
}

// sightAgain is how much later a network must be seen for its sighting to change,
// so that few are written.
const sightAgain = day

// maxSighted is how many networks of a subject are remembered. One that is seen from
// more roams, and a new network of it says nothing.
const maxSighted = 200

// Known are the sightings of a subject, by their networks.
type Known map[string]Sighting

// NewKnown returns the sightings by their subjects.
func NewKnown(all []Sighting) map[string]Known {
	of := make(map[string]Known)
	for _, s := range all {
		if of[s.Subject] == nil {
			of[s.Subject] = make(Known)
		}
		of[s.Subject][s.Network] = s
	}
	return of
}

// span returns the times between which the subject was seen.
func (k Known) span() (first, last time.Time) {
	for _, s := range k {
		if first.IsZero() || s.FirstAt.Before(first) {
			first = s.FirstAt
		}
		if s.SeenAt.After(last) {
			last = s.SeenAt
		}
	}
	return first, last
}

// see adds a network, and returns its sighting if that is to be written. fresh
// reports whether the network was never seen, or not for so long that the subject was
// seen from others.
func (k Known) see(subject, network string, at time.Time, forget time.Duration) (changed *Sighting, fresh bool) {
	s, ok := k[network]
	switch {
	case !ok && len(k) >= maxSighted:
		return nil, false
	case !ok:
		s = Sighting{subject, network, at, at}
	case at.Sub(s.SeenAt) < sightAgain:
		return nil, false
	}
	_, last := k.span()
	fresh = !ok || last.Sub(s.SeenAt) >= forget
	s.SeenAt = at
	k[network] = s
	return &s, fresh
}

// isNetwork reports whether a name stands for one network.
func isNetwork(name string) bool { return name != "unknown" && name != "other" }

// Use is how a key was used today and yesterday.
type Use struct {
	Key      Key
	Networks []NetworkUse
	// Known are its sightings before. If there are none, Began is from when on there
	// would be.
	Known Known
	Began time.Time
	// Before is when the key was last used before the day after its last sighting;
	// nil if that is not known. It is asked for only of a key for which Slept holds.
	Before *time.Time
}

// NetworkUse is the requests from one network.
type NetworkUse struct {
	Network    string
	Requests   int64
	LastUsedAt time.Time
}

// Slept reports whether the key may have been unused for so long that its use is a
// finding.
func (s Settings) Slept(u *Use) bool {
	_, last := u.Known.span()
	return len(u.Known) > 0 && u.Key.LastUsedAt != nil && u.Key.LastUsedAt.Sub(last) >= days(s.of(KeyWoke, unusedDays))-sightAgain
}

// Uses finds keys that woke or are used from a new network, and returns the sightings
// that are new or changed.
func (s Settings) Uses(uses []Use) (found []Finding, seen []Sighting) {
	for i := range uses {
		u := &uses[i]
		if f := s.woke(u); f != nil && s.on(KeyWoke) {
			found = append(found, *f)
		}
		first, _ := u.Known.span()
		if u.Known == nil {
			u.Known = make(Known)
		}
		learn, forget := days(s.of(KeyNewNetwork, learningDays)), days(s.of(KeyNewNetwork, forgetDays))
		watched := !first.IsZero()
		slices.SortFunc(u.Networks, func(a, b NetworkUse) int { return a.LastUsedAt.Compare(b.LastUsedAt) })
		for _, n := range u.Networks {
			changed, fresh := u.Known.see(u.Key.subject(), n.Network, n.LastUsedAt, forget)
			if changed == nil {
				continue
			}
			seen = append(seen, *changed)
			if !fresh || !watched || n.LastUsedAt.Sub(first) < learn || !isNetwork(n.Network) || !s.on(KeyNewNetwork) {
				continue
			}
			found = append(found, Finding{
				Rule: KeyNewNetwork, Subject: u.Key.subject(), At: n.LastUsedAt, Link: u.Key.link() + "/usage",
				Message: fmt.Sprintf("The key %q was used %s from %s, from where it was not used in %s before: rotate it if that was not you.",
					u.Key.Name, times(n.Requests), n.Network, spell(forget)),
			})
		}
	}
	return found, seen
}

// woke finds a key that is used after a long time, once it is known from where, so that
// the next look does not find it again. The first use of a key counts from when it was
// made.
func (s Settings) woke(u *Use) *Finding {
	if u.Key.LastUsedAt == nil || len(u.Networks) == 0 || len(u.Known) >= maxSighted { // else it is looked at again
		return nil
	}
	before := u.Before
	if len(u.Known) == 0 {
		if u.Key.CreatedAt.Before(u.Began) {
			return nil
		}
		before = &u.Key.CreatedAt
	}
	if before == nil || u.Key.LastUsedAt.Sub(*before) < days(s.of(KeyWoke, unusedDays)) {
		return nil
	}
	return &Finding{
		Rule: KeyWoke, Subject: u.Key.subject(), At: *u.Key.LastUsedAt, Link: u.Key.link() + "/usage",
		Message: fmt.Sprintf("The key %q was used on %s, after %s without a use: rotate it if that was not you.",
			u.Key.Name, date(*u.Key.LastUsedAt), spell(u.Key.LastUsedAt.Sub(*before))),
	}
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return plural(n, "time")
}
