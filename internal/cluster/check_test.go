package cluster_test

import (
	"bytes"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// A user with exactly the rights that an error names is served, and one that lacks
// any of them is refused at the start.
func TestMissingRightsAreRefused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	open := func(rights ...string) (*cluster.Redis, error) {
		s.Do(append([]string{"ACL", "SETUSER", "node", "reset", "on", ">secret", "~openwearables:*"}, rights...)...)
		return cluster.Open(t.Context(), cluster.Config{URL: "redis://node:secret@" + s.Addr(), Installation: "one", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	}
	_, err := open()
	if err == nil {
		t.Fatal("opened without any right")
	}
	listed := regexp.MustCompile(`\(([A-Z, ]+) on openwearables:\*\)`).FindStringSubmatch(err.Error())
	if listed == nil {
		t.Fatal(err)
	}
	var rights []string
	for name := range strings.SplitSeq(listed[1], ", ") {
		rights = append(rights, "+"+strings.ToLower(name))
	}
	r, err := open(rights...)
	if err != nil {
		t.Fatal("with all that is listed: ", err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for range 20 {
		if _, _, err := r.Spend(t.Context(), policy, "a", "subject"); err != nil {
			t.Fatal(err)
		}
		if err := r.Bump(t.Context(), []string{"subject"}); err != nil {
			t.Fatal(err)
		}
		if err := r.Return(t.Context(), policy, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if r.Lost() {
		t.Error("with all that is listed Redis counts as lost")
	}
	for i, right := range rights {
		s.Do("SCRIPT", "FLUSH")
		without, err := open(slices.Delete(slices.Clone(rights), i, i+1)...)
		if err == nil {
			t.Errorf("opened without %s, %v", right, without.Close())
		} else if !strings.Contains(err.Error(), listed[1]) {
			t.Errorf("without %s: %v", right, err)
		}
	}
}

// What cannot pass by itself is refused at the start, with what to change.
func TestServersThatNeverWorkAreRefused(t *testing.T) {
	t.Parallel()
	plain, secure := redistest.Start(t), redistest.StartTLS(t)
	for url, says := range map[string]string{
		"rediss://" + plain.Addr():                            "does not speak TLS",
		"redis://" + secure.Addr():                            "speaks TLS",
		"rediss://" + secure.Addr():                           "certificate is not trusted",
		"rediss://" + secure.Addr() + "?ca_file=" + secure.CA: "cert_file",
		"redis://none.invalid:6379":                           "no host",
	} {
		r, err := cluster.Open(t.Context(), cluster.Config{URL: url, Installation: "one", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s: opened, %v", url, r.Close())
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", url, err)
		}
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if r := openURL(t, "redis://"+nobody.Addr().String()); !r.Lost() {
		t.Error("a server that does not answer is not awaited")
	}
}

// A key that somebody spoiled costs only that key.
func TestSpoiledKeyCostsOnlyItself(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	r := node(t, s, time.Now)
	small := ratelimit.Policy{Name: "key", Limit: 2, Window: time.Minute}
	for _, spoil := range [][]string{
		{"LPUSH", "openwearables:one:limit:key:a", "x"},
		{"SET", "openwearables:one:limit:key:b", "x", "EX", "60"},
		{"LPUSH", "openwearables:one:mark:subject", "x"},
	} {
		s.Do(spoil...)
	}
	for _, id := range []string{"a", "b"} {
		admitted := 0
		for range 5 {
			w, err := r.Take(t.Context(), small, id)
			if err != nil {
				t.Fatal(err)
			}
			if w.Admitted {
				admitted++
			}
		}
		if admitted != small.Limit {
			t.Errorf("a spoiled window of %d admitted %d", small.Limit, admitted)
		}
	}
	_, first, err1 := r.Spend(t.Context(), policy, "c", "subject")
	_, second, err2 := r.Spend(t.Context(), policy, "c", "subject")
	if err1 != nil || err2 != nil || first == second {
		t.Errorf("a spoiled version is %d and %d, %v, %v", first, second, err1, err2)
	}
	if _, err := r.Take(t.Context(), policy, "well"); err != nil || r.Lost() {
		t.Errorf("other keys: lost %v, %v", r.Lost(), err)
	}
	if n := s.Do("EXISTS", "openwearables:one:limit:key:well"); n != "1" {
		t.Error("another window is not counted in Redis")
	}
}

// A server that may evict is warned of, one that cannot is not.
func TestEvictionIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args  []string
		warns bool
	}{
		{nil, false},
		{[]string{"--maxmemory-policy", "allkeys-lru"}, false}, // without a limit
		{[]string{"--maxmemory", "64mb"}, false},
		{[]string{"--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"}, true},
	} {
		var log bytes.Buffer
		r, err := cluster.Open(t.Context(), cluster.Config{
			URL: redistest.Start(t, c.args...).URL(), Installation: "one", Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if warns := strings.Contains(log.String(), "maxmemory-policy noeviction"); warns != c.warns {
			t.Errorf("%q: %s", c.args, log.String())
		}
	}
}
