package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/auth"
)

const valid = `
rules:
  - methods: [GET]
    path: /users/{user_id}/workouts
    allow: [developer, key, user]
    scope: workouts:read
    owner: user_id
  - methods: [GET, HEAD]
    path: /users/{user_id}
    allow: [key]
    spend: false
  - methods: [OPTIONS]
    host: api.example.com
    path: /{path...}
    allow: [none]
  - methods: [GET]
    path: /
    allow: [user]
    owner: any
`

func TestPolicyFindsTheFirstRule(t *testing.T) {
	p, err := Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	workouts := auth.Requirement{Developers: true, Keys: true, Users: true, Scope: "workouts:read", UserID: "7", Spend: true}
	for request, want := range map[string]*auth.Requirement{
		"GET h /users/7/workouts":                 &workouts,
		"GET h:8443 /users/7/workouts":            &workouts,
		"HEAD h /users/7":                         {Keys: true},
		"OPTIONS api.example.com /a/b":            {Anybody: true, Spend: true},
		"OPTIONS API.example.com:80 /a":           {Anybody: true, Spend: true},
		"GET h /":                                 {Users: true, Spend: true},
		"OPTIONS example.com /a":                  nil,
		"OPTIONS [::1] /a":                        nil,
		"OPTIONS api.example.com.evil.example /a": nil,
		"OPTIONS api.example.com /":               nil, // a parameter is never empty
		"POST h /users/7/workouts":                nil,
		"get h /users/7/workouts":                 nil,
		"GET h /users/7/workouts/":                nil,
		"GET h /users//workouts":                  nil,
		"GET h /users/7/workouts/1":               nil,
		"GET h /Users/7/workouts":                 nil,
		"GET h /users":                            nil,
		"GET h /users/":                           nil,
	} {
		f := strings.Fields(request)
		host, read := Host(f[1])
		got, ok := p.Find(f[0], host, f[2])
		if !read {
			t.Errorf("%s has no host", request)
		}
		if ok != (want != nil) || ok && got != *want {
			t.Errorf("%s needs %+v, %v", request, got, ok)
		}
	}
}

// What a proxy takes for the host of one rule is never judged by the rules for others, and
// nothing is if a rule names a host and the request none.
func TestHostsWithTwoReadingsAreRefused(t *testing.T) {
	for field, host := range map[string]string{
		"": "", "a": "a", "A.Example.COM:8443": "a.example.com", "[::1]:80": "[::1]", "[FE80::1]": "[fe80::1]", "10.0.0.1": "10.0.0.1", "a_b-c": "a_b-c",
	} {
		if got, ok := Host(field); !ok || got != host {
			t.Errorf("%q is %q, %v", field, got, ok)
		}
	}
	for _, field := range []string{
		"a.", "a.:80", ".a", "a..b", ":80", "a:", "a:80:80", "a:x", "b@a", "a,b", "a b", "a/b", "a%2e", "a\u3002b", "caf\u00e9", "\u212a", "::1", "[::1", "[::1%25lo]", "a\x00", "a\n",
		strings.Repeat("a", 300),
	} {
		if got, ok := Host(field); ok {
			t.Errorf("%q is read as %q", field, got)
		}
	}
	const anywhere = "rules:\n  - {methods: [GET], path: /a, allow: [none]}\n"
	for text, want := range map[string]bool{anywhere: true, anywhere + "  - {methods: [GET], host: a, path: /b, allow: [key]}\n": false} {
		p, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Find("GET", "", "/a"); ok != want {
			t.Errorf("without a host %q has a rule: %v", text, ok)
		}
	}
}

// A policy with a fault is refused as a whole, and each fault is told with its line.
func TestPolicyFaultsAreToldWithTheirLines(t *testing.T) {
	const rule = "rules:\n  - methods: [GET]\n    path: /a\n    allow: [key]\n"
	for text, says := range map[string]string{
		"":                                      "it is empty",
		"a: [":                                  "line 1: did not find expected",
		"[]":                                    "line 1: must be a mapping with the members headers, secret_file, rules",
		"rules: []":                             "line 1: rules must be a list of 1 to 1000 rules",
		rule + "---\n" + rule:                   "more than one document",
		rule + "rulez: 1":                       `line 5: there is no member "rulez": the members are headers`,
		rule + "    scop: users:read":           `line 5: there is no member "scop"`,
		rule + "    path: /b":                   "line 5: path is given twice",
		"headers: x-original\n" + rule:          "line 1: headers must be x-forwarded or request-line",
		"secret_file: 7\n" + rule:               "line 1: secret_file must be a text",
		rule + "    scope: users:all":           `line 5: there is no scope "users:all": the scopes are users:read`,
		rule + "    owner: id":                  "line 5: owner goes with user in allow",
		rule + "    spend: maybe":               "line 5: spend must be true or false",
		rule + "    host: API.example.com":      "line 5: host must be a name in lower case, without a port",
		rule + "    host: example.com:80":       "line 5: host must be a name in lower case",
		rule + "  - path: /b\n    allow: [key]": "line 5: methods is missing",
		rule + "  - methods: [GET]\n    path: /a\n    allow: [user]\n    owner: any":                         "line 5: the rule of line 2 takes every request of this one",
		"rules:\n  - methods: get\n    path: /a\n    allow: [key]":                                           "line 2: methods must be a list",
		"rules:\n  - methods: [get]\n    path: /a\n    allow: [key]":                                         `methods has "get", which must be a method such as GET`,
		"rules:\n  - methods: [GET, GET]\n    path: /a\n    allow: [key]":                                    `line 2: methods has "GET" twice`,
		"rules:\n  - methods: [GET]\n    path: /a\n    allow: [keys]":                                        `line 4: allow has "keys": each must be one of developer, key, user, none`,
		"rules:\n  - methods: [GET]\n    path: /a\n    allow: [none, key]":                                   "line 4: allow has none, which admits everybody",
		"rules:\n  - methods: [GET]\n    path: /a\n    allow: [user]\n    owner: any\n    scope: users:read": "line 6: scope goes with key in allow",
		"rules:\n  - methods: [GET]\n    path: /a/{id}\n    allow: [user]":                                   "line 2: owner is missing: name the parameter of path that holds the id of the user",
		"rules:\n  - methods: [GET]\n    path: /a/{id}\n    allow: [user]\n    owner: user":                  "line 5: owner must be a parameter of path",
		"rules:\n  - methods: [GET]\n    path: /a/{id...}\n    allow: [user]\n    owner: id":                 "line 5: owner must be a parameter of path",
		"rules:\n  - methods: [GET]\n    path: a\n    allow: [key]":                                          "line 3: path must begin with a slash",
		"rules:\n  - methods: [GET]\n    path: /a*\n    allow: [key]":                                        `line 3: path has the segment "a*"`,
		"rules:\n  - methods: [GET]\n    path: /x{id}\n    allow: [key]":                                     `line 3: path has the segment "x{id}"`,
		"rules:\n  - methods: [GET]\n    path: /{id}/{id}\n    allow: [key]":                                 "line 3: path has the parameter {id} twice",
		"rules:\n  - methods: [GET]\n    path: /{id...}/a\n    allow: [key]":                                 "line 3: path has {id...} before its end",
		"rules:\n  - methods: [GET]\n    path: /a//b\n    allow: [key]":                                      "line 3: path must be a path as it is sent",
		"rules:\n  - methods: [GET]\n    path: /a/../b\n    allow: [key]":                                    "line 3: path must be a path as it is sent",
		"rules:\n  - methods: [GET]\n    path: /%61\n    allow: [key]":                                       "line 3: path must be a path as it is sent",
		"rules:\n  - 7":        "line 2: must be a mapping with the members methods",
		"a: &a [1]\nrules: *a": "rules must be a list of 1 to 1000 rules",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: the error is %v, want %q", text, err, says)
		}
	}
	if _, err := Parse([]byte(rule + "  - path: 7\n    methods: [get]")); err == nil || strings.Count(err.Error(), "line ") != 4 {
		t.Errorf("of four faults the error is %v", err)
	}
}

// What two programs could read in two ways is refused.
func TestPathsWithTwoReadingsAreRefused(t *testing.T) {
	for uri, path := range map[string]string{
		"/": "/", "/?": "/", "/a?b=1;2&c=%zz": "/a", "/a/": "/a/", "/users/a.b-c_d~e": "/users/a.b-c_d~e", "/a:b@c!$&'()*+,=": "/a:b@c!$&'()*+,=",
		"/caf%C3%A9": "/caf%C3%A9", "/a%20b": "/a%20b", "/...": "/...", "/a?//../x": "/a",
	} {
		if got, ok := Path(uri); !ok || got != path {
			t.Errorf("%q is %q, %v", uri, got, ok)
		}
	}
	for _, uri := range []string{
		"", "a", "?", "*", "http://a/b", "//", "//a", "/a//b", "/a//", "/.", "/..", "/a/.", "/a/..", "/a/./b", "/a/../b", "/../a", "/%2e", "/%2E%2E/a", "/a%2fb", "/a%2Fb",
		"/a%5Cb", `/a\b`, "/a;b", "/a;b/c", "/a%3Bb", "/a%3Fb", "/a%23b", "/a%25b", "/a%2", "/a%", "/a%zz", "/%41", "/%7E", "/%C0%AE%C0%AE/a", "/a%C0%AFb", "/%E0%80%AE", "/%ED%A0%80", "/%FF", "/%C3/%A9", "/a%00", "/a%0A", "/a%7F", "/a%c3%a9",
		"/a b", "/a\tb", "/a\x00", "/caf\u00e9", "/a#b", "/a?b#c", "/a?b c", "/a?\xff", "/a?\n", "/{a}", "/a|b", `/a"b`, "/a^b", "/a`b", "/<a>",
		"/" + strings.Repeat("a", maxURI),
	} {
		if got, ok := Path(uri); ok {
			t.Errorf("%.40q is read as %.40q", uri, got)
		}
	}
}

// FuzzPath checks that what passes has one reading.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/a/b?c", "/a%2Fb", "/a/../b", "//", "/caf%C3%A9", "/a;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		path, ok := Path(uri)
		if !ok {
			return
		}
		if one := oneReading(uri); one != path {
			t.Errorf("%q is read as %q, and by net/url as %q", uri, path, one)
		}
	})
}

func TestRulesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range maxRules + 1 {
		fmt.Fprintf(&b, "  - {methods: [GET], path: /a/%d, allow: [key]}\n", i)
	}
	if _, err := Parse([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "1 to 1000 rules") {
		t.Errorf("the error is %v", err)
	}
}
