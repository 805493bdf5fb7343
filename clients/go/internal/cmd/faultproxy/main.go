// The faultproxy command serves a fault proxy for tests in any language:
//
//	faultproxy -target http://127.0.0.1:8000 [-addr 127.0.0.1:0]
//
// It prints its own URL on one line and serves until its standard input ends.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

func main() {
	target := flag.String("target", "", "the server, such as http://127.0.0.1:8000")
	addr := flag.String("addr", "127.0.0.1:0", "where to listen; loopback only")
	flag.Parse()
	if *target == "" {
		log.Fatal("faultproxy: -target is required")
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		log.Fatal("faultproxy: -addr must be a loopback address")
	}
	s := &http.Server{Handler: faultproxy.New(*target), ReadHeaderTimeout: time.Minute}
	s.SetKeepAlivesEnabled(false) // a client's own transport replays what broke on a kept connection
	fmt.Println("http://" + l.Addr().String())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Close()
	}()
	if err := s.Serve(l); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
