package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/redis"
)

// commands are what a user of Redis must be allowed, on the keys of prefix.
const commands = "INFO, EVALSHA, EVAL, TIME, GET, SET, INCRBY, DECR, EXPIRE, EXPIRETIME, ZADD, ZCOUNT, ZREVRANGE, ZREMRANGEBYSCORE"

// rehearse runs everything that a request may need later, on keys of its own,
// which are gone a second later.
func (r *Redis) rehearse(ctx context.Context) error {
	p := ratelimit.Policy{Name: "rehearsal", Limit: 2, Window: time.Second}
	for _, action := range []ratelimit.Action{ratelimit.ToTake, ratelimit.ToTake, ratelimit.ToReturn, ratelimit.ToReturn, ratelimit.ToPeek} {
		keys, args := r.describe(false, []ratelimit.Step{{Action: action, Policy: p, ID: r.id, Subject: "rehearsal:" + r.id}})
		if _, err := chargeScript.Run(ctx, r.client, keys, args...); err != nil {
			return err
		}
	}
	if _, err := r.client.Do(ctx, "INFO", "server"); err != nil { // see meet
		return err
	}
	if _, err := r.client.Do(ctx, giveScript.Command([]string{r.windowKey(p.Name, r.id)}, "0", "1")...); err != nil {
		return err
	}
	_, err := r.client.Do(ctx, "SET", r.versionKey("rehearsal:"+r.id), "", "EX", "1")
	return err
}

// passing are the errors of servers that will work by themselves.
var passing = []string{"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"}

// refusal returns an error that says what to change if the failure of a first
// exchange will not pass by itself, and otherwise nil.
func refusal(err error) error {
	_, unproved := errors.AsType[*tls.CertificateVerificationError](err)
	operation, failed := errors.AsType[*net.OpError](err)
	unknown, isDNS := errors.AsType[*net.DNSError](err)
	answer, answered := errors.AsType[redis.Error](err)
	code, _, _ := strings.Cut(string(answer), " ")
	switch {
	case code == "NOAUTH" || code == "WRONGPASS":
		return errors.New("--redis: the server refuses the credentials: correct the user and password in the URL")
	case isDenied(err):
		return fmt.Errorf("--redis: the user may not run what is needed (%s on %s*): %w", commands, prefix, err)
	case unproved:
		return fmt.Errorf("--redis: the server's certificate is not trusted: name the authority with ca_file, or correct the host: %w", err)
	case failed && operation.Op == "remote error": // an alert of TLS
		return fmt.Errorf("--redis: the server ends TLS: it may ask for a certificate, which cert_file and key_file name: %w", err)
	case isDNS && unknown.IsNotFound:
		return fmt.Errorf("--redis: there is no host %q: correct the URL", unknown.Name)
	case code == "CROSSSLOT" || code == "MOVED":
		return errors.New("--redis: the server is in cluster mode: give the addresses of several of its nodes, or add ?cluster=true")
	case strings.Contains(string(answer), "cluster support disabled"):
		return errors.New("--redis: the server is not in cluster mode: give one address, without cluster=true")
	case answered && !slices.Contains(passing, code) && !strings.Contains(string(answer), "max number of clients"):
		return fmt.Errorf("--redis: the server must be Redis 7 or newer, or Valkey, with scripting: %w", err)
	}
	return nil
}

// wrongPort returns an error that says what to change if the server speaks TLS
// where the URL does not ask for it, or the reverse. To a client of the other kind
// such a server is silent or ends the connection, as one does that is overloaded.
func wrongPort(ctx context.Context, o *redis.Options) error {
	dialer := &net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(ctx, o.Network, o.Addrs[0])
	if err != nil {
		return nil // nobody is there
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil
	}
	if o.TLS == nil {
		// Nothing is sent over this connection, whoever the server is.
		if tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) == nil {
			return errors.New("--redis: the server speaks TLS at that port: give rediss:// instead of redis://")
		}
		return nil
	}
	first := make([]byte, 1)
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return nil
	}
	if _, err := conn.Read(first); err == nil && strings.Contains("+-", string(first)) {
		return errors.New("--redis: the server does not speak TLS at that port: give its TLS port, or redis:// instead of rediss://")
	}
	return nil
}

// isDenied reports whether the user lacks a right, in a script too.
func isDenied(err error) bool {
	answer, _ := errors.AsType[redis.Error](err)
	return strings.HasPrefix(string(answer), "NOPERM") || strings.Contains(err.Error(), "The user executing the script can't")
}

// isSpoiled reports whether the script met a key that holds something else than
// ours do. That says nothing of other keys.
func isSpoiled(err error) bool {
	_, answered := errors.AsType[redis.Error](err)
	text := err.Error()
	return answered && (strings.HasPrefix(text, "WRONGTYPE") || strings.Contains(text, "attempt to ") || strings.Contains(text, "not an integer"))
}

// isMoving reports whether some keys of a script have moved to another node of a cluster
// and others have not. That passes by itself, and says nothing of other keys.
func isMoving(err error) bool {
	answer, _ := errors.AsType[redis.Error](err)
	return strings.HasPrefix(string(answer), "TRYAGAIN")
}

// warnOfEviction warns of a server that may forget what counts: a lockout, or what
// a caller has spent. A user may be denied the question.
func (r *Redis) warnOfEviction(ctx context.Context) {
	answer, err := r.client.Do(ctx, "INFO", "memory")
	if err != nil {
		return
	}
	info, _ := answer.Text()
	setting := make(map[string]string)
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		setting[name] = value
	}
	policy := setting["maxmemory_policy"]
	if limit := setting["maxmemory"]; limit == "" || limit == "0" || policy == "" || policy == "noeviction" {
		return
	}
	r.log.WarnContext(ctx, "Redis may forget limits and lockouts when its memory is full: set maxmemory-policy noeviction",
		"maxmemory-policy", policy)
}
