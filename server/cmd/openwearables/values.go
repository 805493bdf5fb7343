package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// value is a flag whose errors say what it takes.
type value[T any] struct {
	to       *T
	parse    func(string) (T, error)
	name     string // of its argument; "bool" for a switch
	expected string
}

func (v *value[T]) String() string {
	if v.to == nil { // a zero value may be asked too
		return ""
	}
	return fmt.Sprint(*v.to)
}

func (v *value[T]) Set(s string) error {
	parsed, err := v.parse(s)
	if err != nil {
		return fmt.Errorf("must be %s", v.expected)
	}
	*v.to = parsed
	return nil
}

// Type implements pflag.Value.
func (v *value[T]) Type() string { return v.name }

func (s *settings) number(to *int, name, usage string) {
	s.Var(&value[int]{to, strconv.Atoi, "number", "a whole number"}, name, usage)
}

func (s *settings) duration(to *time.Duration, name, usage string) {
	s.Var(&value[time.Duration]{to, time.ParseDuration, "duration", "a duration such as 90s, 60m or 720h"}, name, usage)
}

func (s *settings) toggle(to *bool, name, usage string) {
	s.VarPF(&value[bool]{to, strconv.ParseBool, "bool", "true or false"}, name, "", usage).NoOptDefVal = "true"
}

// texts is a flag that takes comma-separated texts.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Set(s string) error {
	*t = nil
	for text := range strings.SplitSeq(s, ",") {
		if text = strings.TrimSpace(text); text != "" {
			*t = append(*t, text)
		}
	}
	return nil
}

// Type implements pflag.Value.
func (t *texts) Type() string { return "list" }

// proxies is a flag that takes comma-separated addresses and networks.
type proxies []netip.Prefix

func (n *proxies) String() string {
	names := make([]string, len(*n))
	for i, p := range *n {
		names[i] = p.String()
	}
	return strings.Join(names, ",")
}

func (n *proxies) Set(s string) error {
	*n = nil
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p, err := netip.ParsePrefix(name)
		if err != nil {
			a, err := netip.ParseAddr(name)
			if err != nil {
				return fmt.Errorf("%q must be an address such as 10.0.0.1 or a network such as 10.0.0.0/8", name)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		*n = append(*n, p)
	}
	return nil
}

// Type implements pflag.Value.
func (n *proxies) Type() string { return "list" }
