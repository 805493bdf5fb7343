package scenario_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// bareVerifier answers every verification alike.
type bareVerifier struct {
	owv1connect.UnimplementedCredentialServiceHandler
	answer *owv1.VerifyCredentialResponse
}

func (v bareVerifier) VerifyCredential(context.Context, *owv1.VerifyCredentialRequest) (*owv1.VerifyCredentialResponse, error) {
	return v.answer, nil
}

// BenchmarkVerify measures the verification of a key by a key, both of which were verified before,
// and what the same messages cost a bare Connect handler: in the process, and over HTTP/1.1.
func BenchmarkVerify(b *testing.B) {
	n := newBenchNode(b)
	message, err := proto.Marshal(&owv1.VerifyCredentialRequest{Credential: n.key})
	if err != nil {
		b.Fatal(err)
	}
	const path = "/openwearables.v1.CredentialService/VerifyCredential"
	request := func(url string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, url+path, bytes.NewReader(message))
		r.Header.Set("Content-Type", "application/proto")
		r.Header.Set("Authorization", "Bearer "+n.key)
		r.RequestURI = ""
		return r
	}
	w := httptest.NewRecorder()
	n.server.Handler().ServeHTTP(w, request(""))
	answer := &owv1.VerifyCredentialResponse{}
	if err := proto.Unmarshal(w.Body.Bytes(), answer); err != nil || !answer.GetVerification().GetValid() {
		b.Fatalf("%d %v %v", w.Code, answer, err)
	}
	_, bare := owv1connect.NewCredentialServiceHandler(bareVerifier{answer: answer})
	for _, c := range []struct {
		name string
		h    http.Handler
	}{{"a cached key", n.server.Handler()}, {"a bare handler", bare}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := &discardResponse{header: make(http.Header)}
				if c.h.ServeHTTP(w, request("")); w.status != 0 && w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
		b.Run(c.name+", over loopback", func(b *testing.B) {
			server := httptest.NewServer(c.h)
			defer server.Close()
			transport := new(http.Transport)
			defer transport.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				res, err := transport.RoundTrip(request(server.URL))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
					b.Fatalf("%d %v", res.StatusCode, err)
				}
				res.Body.Close()
			}
		})
	}
}
