package alert

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Key is what the rules look at of an API key.
type Key struct {
	ID         string
	Name       string
	Enabled    bool
	CreatedAt  time.Time
	LastUsedAt *time.Time
	ExpiresAt  *time.Time
	RotatedAt  *time.Time
}

func (k *Key) subject() string { return "key:" + k.ID }
func (k *Key) link() string    { return "/api-keys/" + k.ID }

// works reports whether requests with the key are admitted.
func (k *Key) works(now time.Time) bool {
	return k.Enabled && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

// Dates finds the keys that expire soon, are unused, or are old. A key that does not
// work any more is none of these.
func (s Settings) Dates(keys []Key, now time.Time) (found []Finding) {
	for i := range keys {
		k := &keys[i]
		if !k.works(now) {
			continue
		}
		if f := s.expires(k, now); f != nil && s.on(KeyExpires) {
			found = append(found, *f)
		}
		used, since := k.CreatedAt, "since it was made"
		if k.LastUsedAt != nil {
			used, since = *k.LastUsedAt, "since its last use"
		}
		if age := days(s.of(KeyUnused, unusedDays)); now.Sub(used) >= age && s.on(KeyUnused) {
			found = append(found, Finding{
				Rule: KeyUnused, Subject: k.subject(), Link: k.link(), At: used.Add(age),
				Message: fmt.Sprintf("The key %q was not used for %s, %s on %s: delete it if nobody needs it.", k.Name, spell(now.Sub(used)), since, date(used)),
			})
		}
		made, what := k.CreatedAt, "made"
		if k.RotatedAt != nil {
			made, what = *k.RotatedAt, "rotated"
		}
		if age := days(s.of(KeyOld, ageDays)); now.Sub(made) >= age && s.on(KeyOld) {
			found = append(found, Finding{
				Rule: KeyOld, Subject: k.subject(), Link: k.link() + "/rotate", At: made.Add(age),
				Message: fmt.Sprintf("The secret of the key %q is %s old, %s on %s: rotate it.", k.Name, spell(now.Sub(made)), what, date(made)),
			})
		}
	}
	return found
}

// expires finds a key that expires soon. A time before its end that is as long as the
// whole life of the key, or longer, is no news.
func (s Settings) expires(k *Key, now time.Time) *Finding {
	if k.ExpiresAt == nil {
		return nil
	}
	var f *Finding
	left := k.ExpiresAt.Sub(now)
	for stage, name := range []string{firstDays, secondDays, lastDays} {
		before := days(s.of(KeyExpires, name))
		if left > before || k.ExpiresAt.Sub(k.CreatedAt) <= before {
			continue
		}
		f = &Finding{
			Rule: KeyExpires, Subject: k.subject(), Link: k.link(), At: k.ExpiresAt.Add(-before), Stage: int32(stage),
			Message: fmt.Sprintf("The key %q expires in %s, on %s: give it a later end, or its users a new key.", k.Name, spell(left), date(*k.ExpiresAt)),
		}
	}
	return f
}

// Requests are those of a key or an application in some span of time.
type Requests struct {
	Subject  string // "key:<id>" or "application:<app_id>"
	Requests int64
	Refused  int64
}

// Refusals finds keys and applications of whose requests too many were refused. Of
// each it takes the requests of the last Window, and the exchanges in which the
// secret of an application was wrong.
func (s Settings) Refusals(requests []Requests, exchanges []Refusal, names Names, now time.Time) (found []Finding) {
	if !s.on(RefusalBurst) {
		return nil
	}
	least, part, window := int64(s.of(RefusalBurst, refusals)), int64(s.of(RefusalBurst, percent)), s.Window(RefusalBurst)
	wrong := make(map[string]int64)
	for _, e := range exchanges {
		if strings.HasPrefix(e.Subject, "application:") {
			wrong[e.Subject] += e.Count
		}
	}
	burst := func(subject, format string, args ...any) {
		found = append(found, Finding{
			Rule: RefusalBurst, Subject: subject, Link: linkOf(subject) + "/usage?resolution=minute", At: now.Truncate(window),
			Message: fmt.Sprintf(format, args...),
		})
	}
	for _, r := range requests {
		if n := wrong[r.Subject]; r.Refused >= least && r.Refused*100 >= r.Requests*part && n < least {
			burst(r.Subject, "Of %d requests with %s in %s, %d were refused.", r.Requests, names.of(r.Subject), spell(window), r.Refused)
		}
	}
	for subject, n := range wrong {
		if n >= least {
			burst(subject, "In %s, %d exchanges named %s with a wrong secret.", spell(window), n, names.of(subject))
		}
	}
	return found
}

// Window is the span of time in which a rule counts.
func (s Settings) Window(rule string) time.Duration {
	return time.Duration(s.of(rule, windowMinutes)) * time.Minute
}

// LeastRefused and LeastRequests are what a span must hold to be looked at.
func (s Settings) LeastRefused() int64  { return int64(s.of(RefusalBurst, refusals)) }
func (s Settings) LeastRequests() int64 { return int64(s.of(Volume, leastRequests)) }

// Refusal is how often something was refused in some span of time.
type Refusal struct {
	Subject string // "" if unknown
	Count   int64
}

// Logins finds accounts, or all of them together, at which passwords are guessed. It
// takes the logins that were refused within the last Window.
func (s Settings) Logins(refused []Refusal, now time.Time) (found []Finding) {
	if !s.on(LoginRefusals) {
		return nil
	}
	window, all := s.Window(LoginRefusals), int64(0)
	at := now.Truncate(window)
	for _, r := range refused {
		all += r.Count
		if r.Subject == "" || r.Count < int64(s.of(LoginRefusals, refusals)) {
			continue
		}
		found = append(found, Finding{
			Rule: LoginRefusals, Subject: r.Subject, At: at, Link: events("subject", r.Subject, "action", "session.login"),
			Message: fmt.Sprintf("In %s, %d logins to one account of a developer were refused.", spell(window), r.Count),
		})
	}
	if all >= int64(s.of(LoginRefusals, allRefusals)) {
		found = append(found, Finding{
			Rule: LoginRefusals, Subject: Installation, At: at, Link: events("action", "session.login"),
			Message: fmt.Sprintf("In %s, %d logins were refused.", spell(window), all),
		})
	}
	return found
}

// Hours are the requests of a key or an application in an hour, and about the same
// hour of earlier weeks.
type Hours struct {
	Subject  string
	At       time.Time // when the hour began
	Requests int64
	Before   []int64 // of each of four weeks in which it existed, and of which the numbers are kept
}

// Weeks is how many weeks of Hours the rule Volume looks back.
const Weeks = 4

// Volumes finds hours with far more requests than ever before at their time of the
// week. What did not exist a week ago is not compared.
func (s Settings) Volumes(hours []Hours, names Names) (found []Finding) {
	if !s.on(Volume) {
		return nil
	}
	newest := make(map[string]int) // where in found
	for _, h := range hours {
		if len(h.Before) == 0 {
			continue
		}
		var most int64
		for _, n := range h.Before {
			most = max(most, n)
		}
		if h.Requests < s.LeastRequests() || h.Requests < most*int64(s.of(Volume, factor)) {
			continue
		}
		f := Finding{
			Rule: Volume, Subject: h.Subject, At: h.At, Link: linkOf(h.Subject) + "/usage",
			Message: fmt.Sprintf("In the hour from %s on there were %d requests with %s, and %d an hour at most about that hour of the four weeks before.",
				h.At.UTC().Format("2006-01-02 15:04"), h.Requests, names.of(h.Subject), most),
		}
		if i, ok := newest[h.Subject]; !ok {
			newest[h.Subject] = len(found)
			found = append(found, f)
		} else if f.At.After(found[i].At) {
			found[i] = f
		}
	}
	return found
}
