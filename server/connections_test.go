package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// limitedServer serves "ok" at each path but /wait, which is served until release is closed. It
// returns its address.
func limitedServer(t *testing.T, limits connectionLimits, release <-chan struct{}, change ...func(*httptest.Server)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			w.(http.Flusher).Flush()
			<-release
		}
		fmt.Fprint(w, "ok")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	l := newConnections(s.Listener, limits)
	s.Listener = l
	l.serveWith(s.Config)
	if len(change) == 0 {
		change = append(change, (*httptest.Server).Start)
	}
	for _, f := range change {
		f(s)
	}
	t.Cleanup(s.Close)
	return l.Addr().String()
}

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// get sends a request on the connection, which stays open, and returns an error unless it is
// answered 200.
func get(c net.Conn, path string) error {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil && path != "/wait" {
		_, err = io.Copy(io.Discard, res.Body)
	}
	if err == nil && res.StatusCode != 200 {
		err = errors.New(res.Status)
	}
	return err
}

// isClosed reports whether the server closes the connection within d.
func isClosed(t *testing.T, c net.Conn, d time.Duration) bool {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, c)
	timeout, ok := errors.AsType[net.Error](err)
	return !ok || !timeout.Timeout()
}

func TestShareOfOneAddressIsBounded(t *testing.T) {
	t.Parallel()
	addr := limitedServer(t, connectionLimits{total: 100, share: 3, firstRequest: time.Minute}, nil)
	other := dialFrom(t, "127.0.0.9", addr)
	if err := get(other, "/"); err != nil {
		t.Fatal(err)
	}
	var mine []net.Conn
	for i := range 6 {
		mine = append(mine, dialFrom(t, "127.0.0.1", addr))
		if err := get(mine[i], "/"); err != nil {
			t.Errorf("connection %d is not served: %v", i, err)
		}
	}
	for i, c := range mine {
		if closed := isClosed(t, c, 200*time.Millisecond); closed != (i < 3) {
			t.Errorf("connection %d is closed: %t", i, closed)
		}
	}
	if err := get(other, "/"); err != nil {
		t.Errorf("the connection of another address: %v", err)
	}
}

func TestLongestIdleMakesRoomForTheNewest(t *testing.T) {
	t.Parallel()
	addr := limitedServer(t, connectionLimits{total: 4, share: 4, firstRequest: time.Minute}, nil)
	var all []net.Conn
	for i := range 4 {
		all = append(all, dialFrom(t, fmt.Sprintf("127.0.0.%d", i+2), addr))
		if err := get(all[i], "/"); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(all[0], "/"); err != nil { // now the second is idle for longest
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // until the server has seen that its answer was the end
	if err := get(dialFrom(t, "127.0.0.20", addr), "/"); err != nil {
		t.Errorf("the newest connection is not served: %v", err)
	}
	for i, c := range all {
		if closed := isClosed(t, c, 200*time.Millisecond); closed != (i == 1) {
			t.Errorf("connection %d is closed: %t", i, closed)
		}
	}
}

func TestBusyConnectionsAreNotClosedForNewOnes(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	addr := limitedServer(t, connectionLimits{total: 2, share: 2, firstRequest: time.Minute}, release)
	busy := []net.Conn{dialFrom(t, "127.0.0.2", addr), dialFrom(t, "127.0.0.3", addr)}
	for _, c := range busy {
		if err := get(c, "/wait"); err != nil {
			t.Fatal(err)
		}
	}
	if !isClosed(t, dialFrom(t, "127.0.0.4", addr), 5*time.Second) {
		t.Error("a connection beyond the limit waits")
	}
	close(release)
	for i, c := range busy {
		if isClosed(t, c, 200*time.Millisecond) {
			t.Errorf("busy connection %d was closed", i)
		}
	}
	if err := get(dialFrom(t, "127.0.0.4", addr), "/"); err != nil {
		t.Errorf("after the others have become idle: %v", err)
	}
}

func TestProxiesHaveNoShare(t *testing.T) {
	t.Parallel()
	limits := connectionLimits{total: 100, share: 1, firstRequest: time.Minute}
	limits.exempt = append(limits.exempt, netip.MustParsePrefix("127.0.0.7/32"))
	addr := limitedServer(t, limits, nil)
	var all []net.Conn
	for range 5 {
		c := dialFrom(t, "127.0.0.7", addr)
		if err := get(c, "/"); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for i, c := range all {
		if isClosed(t, c, 50*time.Millisecond) {
			t.Errorf("connection %d of a proxy was closed", i)
		}
	}
}

// TestFirstRequestIsInTime opens connections that send no request, at every step before one, and
// connections that sent one, which stay open.
func TestFirstRequestIsInTime(t *testing.T) {
	t.Parallel()
	limits := connectionLimits{total: 100, share: 100, firstRequest: 300 * time.Millisecond}
	plain := limitedServer(t, limits, nil)
	secure := limitedServer(t, limits, nil, func(s *httptest.Server) { s.EnableHTTP2 = true }, (*httptest.Server).StartTLS)
	handshake := func(protocol string) net.Conn {
		t.Helper()
		c := tls.Client(dialFrom(t, "127.0.0.1", secure), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}) // the certificate is not the question
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return c
	}
	preface := func(c net.Conn) net.Conn {
		t.Helper()
		_, err := io.WriteString(c, http2.ClientPreface)
		if err == nil {
			err = http2.NewFramer(c, c).WriteSettings()
		}
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	header := dialFrom(t, "127.0.0.1", plain)
	if _, err := io.WriteString(header, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	served := dialFrom(t, "127.0.0.1", plain)
	if err := get(served, "/"); err != nil {
		t.Fatal(err)
	}
	servedTLS := handshake("http/1.1")
	if err := get(servedTLS, "/"); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]net.Conn{
		"nothing": dialFrom(t, "127.0.0.1", plain), "half a header": header, "an HTTP/2 preface": preface(dialFrom(t, "127.0.0.1", plain)),
		"no TLS handshake": dialFrom(t, "127.0.0.1", secure), "a TLS handshake": handshake("http/1.1"), "an HTTP/2 preface in TLS": preface(handshake("h2")),
	} {
		if !isClosed(t, c, 5*time.Second) {
			t.Errorf("a connection with %s stays open", what)
		}
	}
	for what, c := range map[string]net.Conn{"HTTP/1.1": served, "TLS": servedTLS} {
		if isClosed(t, c, 500*time.Millisecond) {
			t.Errorf("a connection over %s with a request was closed", what)
		}
	}
}

// TestFirstRequestOfHTTP2KeepsTheConnection checks that an HTTP/2 connection with a request stays
// open.
func TestFirstRequestOfHTTP2KeepsTheConnection(t *testing.T) {
	t.Parallel()
	addr := limitedServer(t, connectionLimits{total: 100, share: 100, firstRequest: 300 * time.Millisecond}, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	dialed := 0
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed++
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for range 3 {
		res, err := client.Get("http://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		time.Sleep(400 * time.Millisecond)
	}
	if dialed != 1 {
		t.Errorf("three requests took %d connections", dialed)
	}
}
