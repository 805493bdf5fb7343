package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// commands are what a user of Redis must be allowed, on the keys of prefix.
const commands = "INFO, EVALSHA, EVAL, TIME, GET, SET, INCRBY, DECR, EXPIRE, EXPIRETIME, ZADD, ZCOUNT, ZREVRANGE, ZREMRANGEBYSCORE"

// rehearse runs everything that a request may need later, on keys of its own,
// which are gone a second later.
func (r *Redis) rehearse(ctx context.Context) error {
	window, version := r.windowKey("rehearsal", r.id), r.versionKey("rehearsal:"+r.id)
	for _, spend := range []int{1, 1, -1, -1, 0} {
		if err := spendScript.Run(ctx, r.client, []string{window, version}, 2, 1, spend, "", 1).Err(); err != nil {
			return err
		}
	}
	if err := r.client.Info(ctx, "server").Err(); err != nil { // see meet
		return err
	}
	if err := giveScript.Eval(ctx, r.client, []string{window}, 0, 1).Err(); err != nil {
		return err
	}
	return r.client.Set(ctx, version, "", time.Second).Err()
}

// refusal returns an error that says what to change if the failure of a first
// exchange will not pass by itself, and otherwise nil.
func refusal(err error) error {
	_, unproved := errors.AsType[*tls.CertificateVerificationError](err)
	operation, failed := errors.AsType[*net.OpError](err)
	unknown, isDNS := errors.AsType[*net.DNSError](err)
	_, answered := errors.AsType[redis.Error](err)
	switch {
	case redis.IsAuthError(err):
		return errors.New("--redis: the server refuses the credentials: correct the user and password in the URL")
	case isDenied(err):
		return fmt.Errorf("--redis: the user may not run what is needed (%s on %s*): %w", commands, prefix, err)
	case unproved:
		return fmt.Errorf("--redis: the server's certificate is not trusted: name the authority with ca_file, or correct the host: %w", err)
	case failed && operation.Op == "remote error": // an alert of TLS
		return fmt.Errorf("--redis: the server ends TLS: it may ask for a certificate, which cert_file and key_file name: %w", err)
	case isDNS && unknown.IsNotFound:
		return fmt.Errorf("--redis: there is no host %q: correct the URL", unknown.Name)
	case answered && !redis.IsReadOnlyError(err) && !redis.IsLoadingError(err):
		return fmt.Errorf("--redis: the server must be Redis 7 or newer, or Valkey, not in cluster mode, with scripting: %w", err)
	}
	return nil
}

// wrongPort returns an error that says what to change if the server speaks TLS
// where the URL does not ask for it, or the reverse. To a client of the other kind
// such a server is silent or ends the connection, as one does that is overloaded.
func wrongPort(ctx context.Context, o *redis.Options) error {
	dialer := &net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(ctx, o.Network, o.Addr)
	if err != nil {
		return nil // nobody is there
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil
	}
	if o.TLSConfig == nil {
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
	return redis.IsPermissionError(err) || strings.Contains(err.Error(), "The user executing the script can't")
}

// isSpoiled reports whether the script met a key that holds something else than
// ours do. That says nothing of other keys.
func isSpoiled(err error) bool {
	_, answered := errors.AsType[redis.Error](err)
	text := err.Error()
	return answered && (strings.HasPrefix(text, "WRONGTYPE") || strings.Contains(text, "attempt to ") || strings.Contains(text, "not an integer"))
}

// warnOfEviction warns of a server that may forget what counts: a lockout, or what
// a caller has spent. A user may be denied the question.
func (r *Redis) warnOfEviction(ctx context.Context) {
	info, err := r.client.Info(ctx, "memory").Result()
	if err != nil {
		return
	}
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
