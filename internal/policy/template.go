package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// template is a path of which some segments may be anything, such as
// /users/{user_id}/workouts. A last {name...} takes one segment or more.
type template struct {
	segments []segment
	open     bool // the last one takes the rest of the path
}

// segment is a text that is compared, or the name of a parameter.
type segment struct{ text, name string }

// parameter matches a segment that may be anything.
var parameter = regexp.MustCompile(`^\{([a-z][a-z0-9_]*)(\.\.\.)?\}$`)

func parseTemplate(s string) (t template, err error) {
	if !strings.HasPrefix(s, "/") {
		return t, errors.New("must begin with a slash, as /users/{user_id} does")
	}
	parts := strings.Split(s[1:], "/")
	example := "" // a path that matches
	for i, part := range parts {
		switch m := parameter.FindStringSubmatch(part); {
		case m == nil && strings.ContainsAny(part, "{}*"):
			return t, fmt.Errorf("has the segment %q, which must be a text, or a whole parameter such as {user_id}", part)
		case m == nil:
			t.segments, example = append(t.segments, segment{text: part}), example+"/"+part
		case t.index(m[1]) >= 0:
			return t, fmt.Errorf("has the parameter {%s} twice", m[1])
		case m[2] != "" && i < len(parts)-1:
			return t, fmt.Errorf("has %s before its end, where only the last segment takes the rest", part)
		default:
			t.segments, t.open, example = append(t.segments, segment{name: m[1]}), m[2] != "", example+"/x"
		}
	}
	if !wellFormed(example) {
		return t, errors.New("must be a path as it is sent: no empty segment but the last, no . and .., and no escape that need not be")
	}
	return t, nil
}

// index returns the place of the parameter, or -1.
func (t *template) index(name string) int {
	for i, s := range t.segments {
		if name != "" && s.name == name {
			return i
		}
	}
	return -1
}

// matches reports whether a path with these segments is one of the template. A parameter
// is never empty.
func (t *template) matches(path []string) bool {
	if len(path) < len(t.segments) || len(path) > len(t.segments) && !t.open {
		return false
	}
	for i, s := range t.segments {
		if s.name == "" && s.text != path[i] || s.name != "" && path[i] == "" {
			return false
		}
	}
	return true
}

// value returns the segment of the parameter, "" for no parameter.
func (t *template) value(name string, path []string) string {
	if i := t.index(name); i >= 0 {
		return path[i]
	}
	return ""
}

// covers reports whether t matches every path that the other matches.
func (t *template) covers(other *template) bool {
	if len(t.segments) > len(other.segments) || !t.open && (other.open || len(t.segments) != len(other.segments)) {
		return false
	}
	for i, s := range t.segments {
		if o := other.segments[i]; s.name == "" && (o.name != "" || s.text != o.text) || s.name != "" && o.name == "" && o.text == "" {
			return false
		}
	}
	return true
}
