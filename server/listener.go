package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/openwearables/openwearables/server/control"
)

// Limits of each listener. Together with the body limits and Config.Connections,
// which has the times of the public one, they bound what one peer can hold.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 30 * time.Second
	answerTimeout  = 30 * time.Second // from the end of a request to that of its answer
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	maxReadHeader  = 64 << 10 // of the public listener, whose handler refuses more than maxHeaderBytes
	maxStreams     = 100
	maxChecks      = 1000 // of ext_authz at once on a connection, of which a proxy has few

	maxScrapers        = 100 // connections of the metrics listener
	maxAddressScrapers = 50
)

// boundServer is an HTTP server and its open listener.
type boundServer struct {
	server   *http.Server
	listener net.Listener
}

func (b boundServer) serve() error {
	if b.server.TLSConfig != nil {
		return b.server.ServeTLS(b.listener, "", "")
	}
	return b.server.Serve(b.listener)
}

// limited returns the server on l with limits on its connections.
func limited(h *http.Server, l net.Listener, limits connectionLimits) boundServer {
	c := newConnections(l, limits)
	c.serveWith(h)
	return boundServer{h, c}
}

// listen opens every listener, the public one first. On an error it leaves none
// open.
func (s *Server) listen() (all []boundServer, err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, b := range all {
			err = errors.Join(err, b.listener.Close())
		}
	}()
	public, err := s.newPublicServer()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", s.config.Addr)
	if err != nil {
		return nil, fmt.Errorf("--addr: %w", err)
	}
	limits := s.config.Connections
	all = append(all, limited(public, l, connectionLimits{
		total: limits.Total, share: limits.PerAddress, exempt: s.config.TrustedProxies, firstRequest: limits.FirstRequest,
	}))
	if s.config.ClientAddress == proxyProtocol {
		all[0].listener = s.withClients(all[0].listener)
	}
	if s.config.MetricsAddr != "" {
		l, err := net.Listen("tcp", s.config.MetricsAddr)
		if err != nil {
			return all, fmt.Errorf("--metrics-addr: %w", err)
		}
		all = append(all, limited(s.newHTTPServer(s.front.Metrics()), l, connectionLimits{
			total: maxScrapers, share: maxAddressScrapers, firstRequest: limits.FirstRequest,
		}))
	}
	if s.config.ExtAuthzAddr != "" {
		b, err := s.listenExtAuthz()
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
	if s.config.SQLitePath() == "" { // commands work on the database directly
		return all, nil
	}
	l, err = control.Listen(control.SocketPath(s.config.SQLitePath()))
	if err != nil {
		return all, err
	}
	return append(all, boundServer{s.newHTTPServer(control.Handler(s.auth)), l}), nil
}

// newPublicServer returns the server of the API: HTTP/1.1 and HTTP/2, each with
// and without TLS.
func (s *Server) newPublicServer() (*http.Server, error) {
	h := s.newHTTPServer(s.front.Handler())
	h.ReadTimeout, h.IdleTimeout = s.config.Connections.Read, s.config.Connections.Idle
	h.WriteTimeout, h.MaxHeaderBytes = h.ReadTimeout+answerTimeout, maxReadHeader
	serveHTTP2(h)
	if s.config.TLSCert == "" {
		return h, nil
	}
	c := &certificate{file: s.config.TLSCert, keyFile: s.config.TLSKey, now: s.config.machine(), log: s.config.Log}
	var err error
	h.TLSConfig, err = c.config()
	return h, err
}

// serveHTTP2 makes the server serve HTTP/1.1 and HTTP/2, each with and without TLS.
func serveHTTP2(h *http.Server) {
	h.Protocols = new(http.Protocols)
	h.Protocols.SetHTTP1(true)
	h.Protocols.SetHTTP2(true)
	h.Protocols.SetUnencryptedHTTP2(true)
	h.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerStream: 256 << 10}
}

// newHTTPServer returns a server of h within the limits above.
func (s *Server) newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" gets the limits of every other request
		ErrorLog:                     slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
}
