package openwearables_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// printsOnOneLine fails the test if an error prints anything else than one short line
// of text, or a cause of it does.
func printsOnOneLine(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if strings.ContainsAny(text, "\x1b\x00\a\b\r\n\u0085\u009b\u200f\u202e\u2066\u2028") || len(text) > 4<<10 {
			t.Errorf("prints %d bytes: %.300q", len(text), text)
		}
	}
}

// The texts of an error are cut between two runes and show nothing that a terminal
// interprets, wherever the server puts it.
func TestTextsOfErrorsAreShortAndPlain(t *testing.T) {
	const evil = "\x1b[31mred\x1b[0m\u202eleft\u2066\u200f\u0085\u009b2J\x00\a\b\r\n\u2028line"
	long := evil + strings.Repeat("é", 10_000)
	part := strings.ToValidUTF8(long[:2000], "")
	detail, err := connect.NewErrorDetail(&owv1.ErrorDetail{
		Reason: part, RequestId: part, RequiredScope: part,
		Errors: []*owv1.FieldViolation{{Field: part, Message: part}},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := connect.NewUnaryHandler(owv1connect.UserServiceGetUserProcedure,
		func(context.Context, *connect.Request[owv1.GetUserRequest]) (*connect.Response[owv1.GetUserResponse], error) {
			e := connect.NewError(connect.CodeInvalidArgument, errors.New(part))
			e.AddDetail(detail)
			e.Meta().Set("X-Request-Id", strings.Repeat("r", 10_000))
			return nil, e
		})
	body, err := json.Marshal(map[string]any{"code": "invalid_argument", "message": long})
	if err != nil {
		t.Fatal(err)
	}
	for name, response := range map[string]http.HandlerFunc{
		"message":      respond(400, body, "Content-Type", "application/json", "X-Request-Id", strings.Repeat("r", 10_000)),
		"content type": respond(200, nil, "Content-Type", "application/\u202e\u200f"),
		"status": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 503 "+evil[:4]+"\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx")
			_ = conn.Close()
		},
		"broken header": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\x1b[31m\u202e\r\n\r\n")
			_ = conn.Close()
		},
		"details": handler.ServeHTTP,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, info := openwearables.WithResponseInfo(t.Context())
			c := newClient(t, newHostile(t, response).URL, openwearables.WithRetries(0))
			_, err := c.Users.Get(ctx, "u")
			var e *openwearables.Error
			if !errors.As(err, &e) {
				t.Fatalf("err = %v", err)
			}
			texts := []string{e.Message, e.Reason, e.RequestID, e.RequiredScope, info.RequestID}
			for _, f := range e.Fields {
				texts = append(texts, f.Field, f.Message)
			}
			for _, text := range texts {
				printsOnOneLine(t, errors.New(text))
				if len(text) > 1<<10 || strings.ToValidUTF8(text, "") != text {
					t.Errorf("%d bytes: %q", len(text), text)
				}
			}
			if name == "message" && (!strings.HasSuffix(e.Message, "é…") || len(e.Message) < 1000 || len(e.RequestID) > 200) {
				t.Errorf("cut to %q", e.Message)
			}
		})
	}
}

// A gateway that repeats the credential of the request, or a server that repeats what it was
// sent, does not bring it into the texts of an error, also where the text is cut.
func TestTextsOfErrorsShowNoCredential(t *testing.T) {
	random := strings.Repeat("q7", 28)
	for prefix, key := range map[string]string{
		"ow_live_": "ow_live_" + random[:36], "rt_": "rt_" + random, "secret_": "secret_" + random[:44], "eyJ": "eyJ" + random + "." + random,
	} {
		echo := "Authorization: Bearer " + key + " %3D" + key
		cut := strings.Repeat("x", 1<<10-40) + key
		detail, err := connect.NewErrorDetail(&owv1.ErrorDetail{
			Reason: "got_" + key, RequestId: "r" + key, RequiredScope: key, Errors: []*owv1.FieldViolation{{Field: key, Message: echo}},
		})
		check(t, err)
		handler := connect.NewUnaryHandler(owv1connect.UserServiceGetUserProcedure,
			func(context.Context, *connect.Request[owv1.GetUserRequest]) (*connect.Response[owv1.GetUserResponse], error) {
				e := connect.NewError(connect.CodeInvalidArgument, errors.New(echo))
				e.AddDetail(detail)
				return nil, e
			})
		for name, response := range map[string]http.HandlerFunc{
			"details": handler.ServeHTTP,
			"connect": respond(400, []byte(`{"code":"internal","message":"`+echo+`"}`), "Content-Type", "application/json"),
			"gateway": respond(502, []byte(`{"detail":"`+echo+`","reason":"`+key+`","request_id":"`+key+`"}`), "Content-Type", "application/json"),
			"problem": respond(400, []byte(`{"detail":"`+cut+`"}`), "Content-Type", "application/problem+json"),
			"headers": respond(503, nil, "Content-Type", "application/json", "X-Request-Id", key),
		} {
			t.Run(prefix+", "+name, func(t *testing.T) {
				_, err := newClient(t, newHostile(t, response).URL, openwearables.WithRetries(0)).Users.Get(t.Context(), "u")
				if err == nil {
					t.Fatal("no error")
				}
				for ; err != nil; err = errors.Unwrap(err) {
					if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, "q7q7") {
						t.Errorf("shows %s: %.300s", key, text)
					}
				}
			})
		}
	}
}

// A Retry-After that no Duration can hold does not become a short one.
func TestHugeRetryAfterStaysLong(t *testing.T) {
	c := newClient(t, newHostile(t, respond(429, []byte(`{"code":"resource_exhausted"}`),
		"Content-Type", "application/json", "Retry-After", strconv.FormatInt(1<<62, 10))).URL)
	_, err := c.Users.Get(t.Context(), "u")
	var e *openwearables.Error
	if !errors.As(err, &e) || e.RetryAfter < 24*time.Hour {
		t.Errorf("err = %+v", e)
	}
}
