package operator

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// backendBudget limits how long the question whether a backend answers may take.
const backendBudget = 5 * time.Second

// CheckBackend asks whether a backend that was imported from still answers at its address
// of before, past this server, and writes the finding to w. There every old key, password
// and token goes on to work, whatever was ended here. It sends no secret. An answer of
// this server or of another of its kind is well: the address leads here now.
func CheckBackend(ctx context.Context, w io.Writer, address string) error {
	f := &findings{Writer: w}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("--backend-url must be an address such as https://api.example.com")
	}
	ctx, cancel := context.WithTimeout(ctx, backendBudget)
	defer cancel()
	status, ours, err := askBackend(ctx, u.JoinPath("/api/v1/auth/me").String())
	switch {
	case err != nil:
		f.report("backend: nothing answers at "+u.Host, nil)
	case ours:
		f.report("backend: "+u.Host+" leads to this product", nil)
	default:
		f.warn("backend", fmt.Sprintf("%s still answers past this server (%s): old keys, passwords and tokens work there, also those that were ended here. "+
			"Let only this server reach it", u.Host, status))
	}
	return nil
}

// askBackend returns the status of an answer without a credential, and whether it is one
// of ours, which alone have a reason.
func askBackend(ctx context.Context, address string) (status string, ours bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", false, err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	var answer struct{ Reason string }
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer) // what is no JSON is not ours
	return res.Status, answer.Reason != "", nil
}
