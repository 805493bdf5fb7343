package rest

import (
	"net/http"
	"strconv"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/problem"
)

// wholeParameters are the query parameters that are whole numbers.
var wholeParameters = []string{"limit", "page"}

// wholeQuery is a mux whose handlers see the whole numbers of a query in plain
// digits: the generated code reads no other notation, and none beyond its type.
type wholeQuery struct{ openapi.ServeMux }

func (m wholeQuery) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	m.ServeMux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			to := *r.URL
			to.RawQuery = plainNumbers(r)
			r.URL = &to
		}
		handle(w, r)
	})
}

// plainNumbers returns the query of r with its whole numbers in plain digits.
func plainNumbers(r *http.Request) string {
	query, changed := r.URL.Query(), false
	for _, name := range wholeParameters {
		for i, value := range query[name] {
			n, ok := problem.ParseWhole(value)
			if plain := strconv.FormatInt(n, 10); ok && plain != value {
				query[name][i], changed = plain, true
			}
		}
	}
	if !changed {
		return r.URL.RawQuery
	}
	return query.Encode()
}
