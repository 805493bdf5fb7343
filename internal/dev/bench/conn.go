package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"time"
)

// conn is a kept connection of HTTP/1.1 that takes far less of a processor than the
// client of net/http, so that the load is not what is measured.
type conn struct {
	net  net.Conn
	in   *bufio.Reader
	body bytes.Buffer
}

// dial opens a connection on which everything must be over within the time.
func dial(addr string, within time.Duration) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &conn{net: c, in: bufio.NewReader(c)}, nil
}

func (c *conn) close() { _ = c.net.Close() } // nothing is sent on it any more

// do sends a request and returns the status and the body of the response. The body
// is valid until the next call.
func (c *conn) do(request []byte) (status int, body []byte, err error) {
	if _, err := c.net.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.line()
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return 0, nil, fmt.Errorf("a response begins with %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("a response begins with %q", line)
	}
	length, err := c.header()
	if err != nil {
		return 0, nil, err
	}
	c.body.Reset()
	if length >= 0 {
		_, err = io.CopyN(&c.body, c.in, length)
	} else if _, err = c.body.ReadFrom(httputil.NewChunkedReader(c.in)); err == nil {
		_, err = c.line() // after the last chunk
	}
	return status, c.body.Bytes(), err
}

// line reads a line, without its end.
func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// header reads the header and returns the length of the body, -1 if it is in chunks.
func (c *conn) header() (length int64, err error) {
	length = -2
	for {
		line, err := c.line()
		if err != nil {
			return 0, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == len("Content-Length") && textproto.CanonicalMIMEHeaderKey(string(name)) == "Content-Length":
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, err
			}
		case len(name) == len("Transfer-Encoding") && textproto.CanonicalMIMEHeaderKey(string(name)) == "Transfer-Encoding":
			length = -1
		}
	}
	if length == -2 {
		return 0, errors.New("a response has no length")
	}
	return length, nil
}

// request returns a request with the bearer credential and the JSON body, neither of
// which need be there.
func request(addr, method, path, bearer, body string) []byte {
	var r bytes.Buffer
	fmt.Fprintf(&r, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n", method, path, addr)
	if bearer != "" {
		fmt.Fprintf(&r, "Authorization: Bearer %s\r\n", bearer)
	}
	if body != "" {
		fmt.Fprint(&r, "Content-Type: application/json\r\n")
	}
	if body != "" || method != "GET" {
		fmt.Fprintf(&r, "Content-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(&r, "\r\n%s", body)
	return r.Bytes()
}
