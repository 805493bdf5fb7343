package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The messages by which the SDKs are tested are what the library of the specification accepts,
// and what it refuses for their signatures.
func TestVectorsAreTheLibrarys(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "clients", "testdata", "webhook-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, Body, Reason string
		Keys               []string
		Headers            map[string]string
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all) < 20 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	for _, v := range all {
		h := http.Header{}
		for name, value := range v.Headers {
			h.Set(name, value)
		}
		signed := false
		for _, key := range v.Keys {
			w, err := standardwebhooks.NewWebhook(key)
			signed = signed || err == nil && w.VerifyIgnoringTimestamp([]byte(v.Body), h) == nil
		}
		want := true
		switch v.Reason {
		case "webhook_signature_mismatch", "invalid_webhook_headers":
			want = false
		case "invalid_webhook_secret":
			continue
		}
		if signed != want {
			t.Errorf("%s: the library accepts it: %v", v.Name, signed)
		}
	}
}
