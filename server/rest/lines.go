package rest

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/openwearables/openwearables/server/call"
)

// linesType is the media type of JSON Lines.
const linesType = "application/jsonl"

// wantsLines reports whether the request prefers JSON Lines to JSON.
func wantsLines(ctx context.Context) bool {
	quality := make(map[string]float64)
	for _, accept := range call.From(ctx).Request.Header["Accept"] {
		for part := range strings.SplitSeq(accept, ",") {
			media, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			q, err := strconv.ParseFloat(parameters["q"], 64)
			if err != nil {
				q = 1
			}
			quality[media] = max(q, quality[media])
		}
	}
	return quality[linesType] > max(quality["application/json"], 0)
}

// lines is an answer in JSON Lines. It calls write once, with where the lines go, and
// ends with a line that holds the cursor that write returns, unless that is nil. If
// write fails after its first line, the answer is cut off, so that the client sees
// that it is incomplete.
type lines func(ctx context.Context, write *lineWriter) (next *string, err error)

// lineWriter writes values, each as a line.
type lineWriter struct {
	w       http.ResponseWriter
	encoder *json.Encoder
}

func (l *lineWriter) write(v any) error {
	if l.encoder == nil {
		l.w.Header().Set("Content-Type", linesType)
		l.encoder = json.NewEncoder(l.w)
	}
	return l.encoder.Encode(v)
}

// writeLines writes each item as what show makes of it, and sends what is written.
func writeLines[T, S any](l *lineWriter, items []T, show func(T) S) error {
	for _, item := range items {
		if err := l.write(show(item)); err != nil {
			return err
		}
	}
	if l.encoder == nil {
		return nil
	}
	return http.NewResponseController(l.w).Flush()
}

func (f lines) visit(w http.ResponseWriter) error {
	ctx, out := w.(*call.Call).Request.Context(), &lineWriter{w: w}
	next, err := f(ctx, out)
	if err == nil && next != nil {
		err = out.write(map[string]string{"next_cursor": *next})
	}
	switch {
	case err != nil && out.encoder != nil:
		call.From(ctx).Fail(ctx, err) // for the log
		panic(http.ErrAbortHandler)
	case err == nil && out.encoder == nil:
		w.Header().Set("Content-Type", linesType)
	}
	return err
}

// VisitListAuditEventsResponse implements openapi.ListAuditEventsResponseObject.
func (f lines) VisitListAuditEventsResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitListUserAccessesResponse implements openapi.ListUserAccessesResponseObject.
func (f lines) VisitListUserAccessesResponse(w http.ResponseWriter) error { return f.visit(w) }
