// Tokenprovider is the backend of a web or mobile app. It gives the app the tokens of the
// user who is signed in, which the app's SDK asks for.
package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func main() {
	c, err := openwearables.New(env("OPENWEARABLES_BASE_URL", "http://localhost:8000"))
	if err != nil {
		log.Fatal(err)
	}
	b := &backend{
		client:   c,
		app:      openwearables.AppCredentials(os.Getenv("OPENWEARABLES_APP_ID"), os.Getenv("OPENWEARABLES_APP_SECRET")),
		sessions: map[string]string{},
	}
	// In place of a login: one session of your app, of one user.
	session := env("DEMO_SESSION", rand.Text())
	b.sessions[session] = os.Getenv("USER_ID")
	listen := env("LISTEN", "127.0.0.1:9000")
	fmt.Printf("curl -X POST -b session=%s http://%s/ow-token\n", session, listen)

	mux := http.NewServeMux()
	mux.HandleFunc("POST /ow-token", b.token)
	// A cookie says who is signed in, so pages of other sites must not be able to ask.
	server := &http.Server{Addr: listen, Handler: http.NewCrossOriginProtection().Handler(mux), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

type backend struct {
	client   *openwearables.Client
	app      openwearables.AppCredential
	sessions map[string]string // the user ids of Open Wearables by the sessions of your app
}

// token answers with a token pair of the user who is signed in. The app never says which user
// that is.
func (b *backend) token(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie("session")
	if err != nil || b.sessions[cookie.Value] == "" {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	pair, err := b.client.Tokens.Exchange(r.Context(), b.sessions[cookie.Value], b.app)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(pair.Expose()); err != nil {
		log.Print(err)
	}
}

// refuse tells the app whether to try again, and the log why.
func refuse(w http.ResponseWriter, err error) {
	log.Print(err)
	if e := (*openwearables.Error)(nil); errors.As(err, &e) && e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())+1))
	}
	if openwearables.IsNotFound(err) {
		http.Error(w, "this user is not known", http.StatusNotFound)
		return
	}
	http.Error(w, "try again later", http.StatusServiceUnavailable)
}
