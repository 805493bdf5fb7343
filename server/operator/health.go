package operator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/openwearables/openwearables/server"
)

// healthBudget limits how long Health waits, in all.
const healthBudget = 3 * time.Second

// Health asks the server that listens as config says, on this machine, for path, and
// returns an error unless the answer is 200. It waits for 3 seconds at most. It sends
// no secret, and does not compare the certificate, whose name is that of the public
// address.
func Health(ctx context.Context, config server.Config, path string) error {
	host, port, err := net.SplitHostPort(config.Addr)
	if err != nil || port == "0" {
		return fmt.Errorf("--addr %q must be HOST:PORT with the port that the server has", config.Addr)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if config.TLSCert != "" {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, healthBudget)
	defer cancel()
	address := scheme + "://" + net.JoinHostPort(host, port) + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport: &http.Transport{
			DialContext: config.DialAsProxy, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %v", address, healthBudget)
	} else if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 1024)) // the status says enough
		return fmt.Errorf("%s answered %s: %s", address, res.Status, strings.TrimSpace(string(said)))
	}
	return nil
}
