package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/openwearables/openwearables/internal/auth"
)

// MaxFile is the size of the largest policy, in bytes, and maxRules the number of its rules.
const (
	MaxFile  = 256 << 10
	maxRules = 1000
)

// Parse reads a policy. The error names every fault with its line.
func Parse(data []byte) (*Policy, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	if err := d.Decode(&document); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty: give it rules")
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document")
	}
	r := &reader{}
	p := r.policy(document.Content[0])
	return p, errors.Join(r.faults...)
}

// reader collects the faults of a file, so that all are told at once.
type reader struct{ faults []error }

func (r *reader) fail(n *yaml.Node, format string, values ...any) {
	r.faults = append(r.faults, fmt.Errorf("line %d: "+format, append([]any{n.Line}, values...)...))
}

// members returns the members of a mapping. Others than the known ones are faults.
func (r *reader) members(n *yaml.Node, known ...string) map[string]*yaml.Node {
	all := make(map[string]*yaml.Node)
	if n.Kind != yaml.MappingNode {
		r.fail(n, "must be a mapping with the members %s", strings.Join(known, ", "))
		return all
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		switch {
		case !slices.Contains(known, name.Value):
			r.fail(name, "there is no member %q: the members are %s", name.Value, strings.Join(known, ", "))
		case all[name.Value] != nil:
			r.fail(name, "%s is given twice", name.Value)
		default:
			all[name.Value] = n.Content[i+1]
		}
	}
	return all
}

// text returns a string; "" for no node.
func (r *reader) text(n *yaml.Node, name string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		r.fail(n, "%s must be a text", name)
		return ""
	}
	return n.Value
}

// list returns the strings of a list, each of which must be one of a set if there is one.
func (r *reader) list(n *yaml.Node, name string, set ...string) (all []string) {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(n, "%s must be a list such as [%s]", name, strings.Join(set, ", "))
	}
	for _, item := range n.Content {
		s := r.text(item, name)
		if s != "" && len(set) > 0 && !slices.Contains(set, s) {
			r.fail(item, "%s has %q: each must be one of %s", name, s, strings.Join(set, ", "))
		} else if slices.Contains(all, s) {
			r.fail(item, "%s has %q twice", name, s)
		}
		all = append(all, s)
	}
	return all
}

func (r *reader) policy(n *yaml.Node) *Policy {
	m := r.members(n, "headers", "secret_file", "rules")
	p := &Policy{Headers: XForwarded, SecretFile: r.text(m["secret_file"], "secret_file")}
	if given := m["headers"]; given != nil {
		p.Headers = Family(r.text(given, "headers"))
		if p.Headers != XForwarded && p.Headers != RequestLine {
			r.fail(given, "headers must be %s or %s", XForwarded, RequestLine)
		}
	}
	rules := m["rules"]
	if rules == nil || rules.Kind != yaml.SequenceNode || len(rules.Content) == 0 || len(rules.Content) > maxRules {
		r.fail(n, "rules must be a list of 1 to %d rules", maxRules)
		return p
	}
	for _, item := range rules.Content {
		before := len(r.faults)
		made := r.rule(item)
		if len(r.faults) > before {
			continue
		}
		for i := range p.rules {
			if p.rules[i].hides(&made) {
				r.fail(item, "the rule of line %d takes every request of this one: put this one before it, or remove it", p.rules[i].line)
				break
			}
		}
		p.rules = append(p.rules, made)
	}
	return p
}

// methodName matches a method.
var methodName = regexp.MustCompile(`^[A-Z][A-Z-]*$`)

// anyUser is the owner where the token of every user will do.
const anyUser = "any"

func (r *reader) rule(n *yaml.Node) rule {
	m := r.members(n, "methods", "host", "path", "allow", "scope", "owner", "spend")
	made := rule{line: n.Line, methods: r.list(m["methods"], "methods"), host: r.text(m["host"], "host")}
	for _, name := range []string{"methods", "path", "allow"} {
		if m[name] == nil {
			r.fail(n, "%s is missing", name)
		}
	}
	for _, method := range made.methods {
		if !methodName.MatchString(method) {
			r.fail(m["methods"], "methods has %q, which must be a method such as GET", method)
		}
	}
	if made.host != "" && !hostName.MatchString(made.host) {
		r.fail(m["host"], "host must be a name in lower case, without a port")
	}
	if path := m["path"]; path != nil {
		var err error
		if made.path, err = parseTemplate(r.text(path, "path")); err != nil {
			r.fail(path, "path %v", err)
		}
	}
	made.needs = r.requirement(m)
	made.owner = r.owner(n, m["owner"], &made)
	return made
}

// requirement returns what a rule needs, but for the owner.
func (r *reader) requirement(m map[string]*yaml.Node) auth.Requirement {
	q := auth.Requirement{Scope: r.text(m["scope"], "scope"), Spend: true}
	for _, kind := range r.list(m["allow"], "allow", "developer", "key", "user", "none") {
		q.Developers = q.Developers || kind == "developer"
		q.Keys = q.Keys || kind == "key"
		q.Users = q.Users || kind == "user"
		q.Anybody = q.Anybody || kind == "none"
	}
	if q.Anybody && (q.Developers || q.Keys || q.Users) {
		r.fail(m["allow"], "allow has none, which admits everybody: leave the others out")
	}
	if q.Scope != "" && !slices.Contains(auth.Scopes, q.Scope) {
		r.fail(m["scope"], "there is no scope %q: the scopes are %s", q.Scope, strings.Join(auth.Scopes, ", "))
	}
	if q.Scope != "" && !q.Keys {
		r.fail(m["scope"], "scope goes with key in allow: only keys have scopes")
	}
	if spend := m["spend"]; spend != nil {
		if spend.Kind != yaml.ScalarNode || spend.Tag != "!!bool" || spend.Decode(&q.Spend) != nil {
			r.fail(spend, "spend must be true or false")
		}
	}
	return q
}

// owner returns the parameter that holds whose data it is. A rule that admits users must
// say so: a forgotten one would let each user read all the others.
func (r *reader) owner(at, n *yaml.Node, of *rule) string {
	switch name := r.text(n, "owner"); {
	case !of.needs.Users && name != "":
		r.fail(n, "owner goes with user in allow")
	case !of.needs.Users || name == anyUser:
	case name == "":
		r.fail(at, "owner is missing: name the parameter of path that holds the id of the user, or %s if the token of every user will do", anyUser)
	case of.path.index(name) < 0 || of.path.open && of.path.index(name) == len(of.path.segments)-1:
		r.fail(n, "owner must be a parameter of path that is one segment, or %s", anyUser)
	default:
		return name
	}
	return ""
}
