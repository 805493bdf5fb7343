package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openwearables/openwearables/internal/problem"
)

// maxRefusal is how much of a refusal of the upstream is read, in bytes.
const maxRefusal = 16 << 10

const reasonRefused = "upstream_refused"

// kinds are those of the statuses with which the upstream refuses a request for what is
// in it. Any other below 500 is a bad request.
var kinds = map[int]problem.Kind{
	http.StatusForbidden:             problem.Forbidden,
	http.StatusNotFound:              problem.NotFound,
	http.StatusMethodNotAllowed:      problem.MethodNotAllowed,
	http.StatusConflict:              problem.Conflict,
	http.StatusGone:                  problem.NotFound,
	http.StatusRequestEntityTooLarge: problem.TooLarge,
	http.StatusUnsupportedMediaType:  problem.UnsupportedMedia,
	http.StatusUnprocessableEntity:   problem.Invalid,
	http.StatusTooManyRequests:       problem.RateLimited,
}

// permanent are the statuses of an upload that will not do better a second time.
var permanent = []int{http.StatusBadRequest, http.StatusUnprocessableEntity}

// refusal returns the refusal that an answer of the upstream stands for, whose status is
// not one of success. A 401 is for errRefusedUs to explain.
func (r *Route) refusal(answer *http.Response) *problem.Error {
	status := answer.StatusCode
	detail := detailOf(answer.Body)
	cause := fmt.Errorf("the upstream answered %s with %d: %s", r.Name, status, detail)
	if r.Class == Ingest && status != permanent[0] && status != permanent[1] || status < 400 || status == 502 || status == 503 || status == 504 {
		e := problem.UnavailableError(cause)
		e.RetryAfter = max(e.RetryAfter, retryAfter(answer.Header))
		return e
	}
	if status >= 500 {
		return &problem.Error{Kind: problem.Internal, Reason: "upstream_failed", Detail: "The product behind this server has failed", Cause: cause}
	}
	e := &problem.Error{Kind: problem.BadRequest, Reason: reasonRefused, Detail: detail}
	if kind, known := kinds[status]; known {
		e.Kind = kind
	}
	if e.Kind == problem.RateLimited {
		e.RetryAfter = max(1, retryAfter(answer.Header))
	}
	if e.Detail == "" {
		e.Detail = "The product behind this server has refused the request"
	}
	return e
}

// detailOf returns the sentence with which the upstream refuses, "" if there is none.
func detailOf(body io.Reader) string {
	data, err := io.ReadAll(io.LimitReader(body, maxRefusal))
	if err != nil {
		return ""
	}
	var said struct {
		Detail json.RawMessage `json:"detail"`
	}
	var detail string
	if json.Unmarshal(data, &said) != nil || json.Unmarshal(said.Detail, &detail) != nil {
		return ""
	}
	if detail = strings.ToValidUTF8(detail, "\uFFFD"); len(detail) > 1000 {
		detail = detail[:1000]
		for !utf8.ValidString(detail) {
			detail = detail[:len(detail)-1]
		}
	}
	return detail
}

// retryAfter returns the seconds after which the upstream wants to be asked again, at
// most an hour; 0 if it does not say.
func retryAfter(h http.Header) int {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, 3600)
}

// Refusal returns err as a caller of the route gets it. A phone takes a 4xx for the end
// of the matter, so that a limit, a body that came too slowly or a user whom the upstream
// does not know now is a passing fault to it.
func (r *Route) Refusal(err error) error {
	if err == nil || r.Class != Ingest && r.Class != Public {
		return err
	}
	e := problem.AsError(err)
	if e.Kind != problem.RateLimited && e.Kind != problem.RequestTimeout && (e.Kind != problem.Conflict || r.Class != Ingest) {
		return e
	}
	passing := *e
	passing.Kind, passing.RetryAfter = problem.Unavailable, max(1, e.RetryAfter)
	return &passing
}
