package alert

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Names are the names of keys and applications, by their subjects.
type Names map[string]string

// of names a subject in a sentence.
func (n Names) of(subject string) string {
	kind, id, ok := strings.Cut(subject, ":")
	if !ok {
		return "a credential"
	}
	if name, ok := n[subject]; ok {
		return fmt.Sprintf("the %s %q", kind, name)
	}
	return "the " + kind + " " + id
}

// linkOf returns where a subject is looked at.
func linkOf(subject string) string {
	kind, id, _ := strings.Cut(subject, ":")
	switch kind {
	case "key":
		return "/api-keys/" + id
	case "application":
		return "/applications/" + id
	default:
		return events("subject", subject)
	}
}

// events links to the audit trail, with filters.
func events(filters ...string) string {
	q := make(url.Values)
	for i := 0; i < len(filters); i += 2 {
		q.Set(filters[i], filters[i+1])
	}
	return "/audit-events?" + q.Encode()
}

func days(n int32) time.Duration { return time.Duration(n) * day }

// spell returns a duration in the largest unit of which it has more than one, rounded
// down.
func spell(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := d / unit.length; n > 1 || n == 1 && d == unit.length {
			return plural(int64(n), unit.name)
		}
	}
	return "less than two minutes"
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
