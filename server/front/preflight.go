package front

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server/call"
)

// preflight adds the limit of the address to the answer of a CORS preflight,
// which spends none of it, and logs a refusal.
func (f *Front) preflight(allowed origins, next http.Handler) http.Handler {
	refused := &refusedPages{log: f.log}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isPreflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		if isPreflight {
			c := call.From(r.Context())
			c.Operation = "preflight"
			f.auth.Limits.Look(r.Context(), &c.Caller)
		}
		next.ServeHTTP(w, r)
		if isPreflight && w.Header().Get("Access-Control-Allow-Origin") == "" {
			refused.report(allowed, r)
		}
	})
}

// refusedPages logs each page whose preflight was refused once, with the flag that
// would admit it. Safe for concurrent use.
type refusedPages struct {
	log  *slog.Logger
	mu   sync.Mutex
	seen map[string]bool
}

const (
	maxRefusedPages = 100 // lines in the life of a process
	maxFlag         = 300 // bytes of a flag in the log
)

func (p *refusedPages) report(allowed origins, r *http.Request) {
	flag := "--allowed-origins " + r.Header.Get("Origin")
	if allowed.allows(r.Header.Get("Origin")) {
		flag = "--allowed-headers " + strings.Join(r.Header.Values("Access-Control-Request-Headers"), ",")
	}
	flag = truncate(strings.ToValidUTF8(credential.Redact(flag), "\uFFFD"), maxFlag)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[flag] || len(p.seen) == maxRefusedPages {
		return
	}
	if p.seen == nil {
		p.seen = make(map[string]bool)
	}
	p.seen[flag] = true
	p.log.WarnContext(r.Context(), "a preflight was refused; if the page is yours, the flag admits it", "flag", flag)
}
