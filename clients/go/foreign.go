package openwearables

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// foreignHeader marks a response that did not come from the API, and holds its
// original status. It is never sent.
const foreignHeader = "Openwearables-Foreign-Status"

// isForeign reports whether no Connect server sends this media type with this status.
func isForeign(status int, media string) bool {
	if status == http.StatusOK {
		return !strings.HasPrefix(media, "application/")
	}
	return media != mediaJSON && !strings.HasPrefix(media, "application/grpc") && !strings.HasPrefix(media, "application/connect")
}

// isConnectError reports whether a body is an error of the Connect protocol.
func isConnectError(body []byte) bool {
	var e struct{ Code string }
	return json.Unmarshal(body, &e) == nil && new(connect.Code).UnmarshalText([]byte(e.Code)) == nil
}

// foreignError is what a gateway, or the REST API, may say of an error in JSON.
type foreignError struct {
	Detail, Message, Reason string
	RequestID               string `json:"request_id"`
}

// details returns the details of a Connect error that carry the reason and the request id,
// nil if there are none.
func (e *foreignError) details() []map[string]string {
	if e.Reason == "" && e.RequestID == "" {
		return nil
	}
	raw, _ := proto.Marshal(&owv1.ErrorDetail{Reason: e.Reason, RequestId: e.RequestID}) // they are UTF-8, by json.Unmarshal
	return []map[string]string{{"type": "openwearables.v1.ErrorDetail", "value": base64.RawStdEncoding.EncodeToString(raw)}}
}

// readForeignJSON returns the body of an error in one of JSON's other media types, such as
// application/problem+json, nil if it has none.
func readForeignJSON(res *http.Response, media string) []byte {
	if res.StatusCode == http.StatusOK || !strings.HasSuffix(media, "+json") {
		return nil
	}
	raw, err := readUnpacked(res, maxErrorBody)
	if err != nil {
		return nil
	}
	return raw
}

// replaceForeign replaces the body of a response that did not come from the API by a
// Connect error, with the code that the Connect protocol assigns to the HTTP status. It
// keeps the headers, and takes from raw, the body as far as it was read, what that says in
// JSON.
func (o *origin) replaceForeign(res *http.Response, raw []byte) *http.Response {
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
	_ = res.Body.Close()
	status := res.StatusCode
	var said foreignError
	_ = json.Unmarshal(raw, &said) // a member of another type is left out
	message := cmp.Or(said.Detail, said.Message, fmt.Sprintf(
		"HTTP %d that did not come from the API: is a proxy or a captive portal in between, or the base URL wrong?", status))
	body, _ := json.Marshal(map[string]any{
		"code": foreignCode(status), "message": message + o.pathAdvice(status), "details": said.details(),
	})
	setBody(res, body)
	res.Header.Set("Content-Type", mediaJSON)
	res.Header.Set(foreignHeader, fmt.Sprint(status))
	if status == http.StatusOK {
		res.StatusCode, res.Status = http.StatusBadGateway, "502 Bad Gateway"
	}
	return res
}

// pathAdvice says what the base URL should be, if its path may be why something else than
// the API answered.
func (o *origin) pathAdvice(status int) string {
	if o.path == "" || status >= 400 && status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		return ""
	}
	right := ""
	if at := apiPath.FindStringIndex(o.path); at != nil {
		right = o.path[:at[0]]
	}
	return fmt.Sprintf("; the base URL ends in %s: it should be %s://%s%s, unless a proxy serves the API below that path", o.path, o.scheme, o.host, right)
}

// apiPath is the path of the REST API, which no base URL includes.
var apiPath = regexp.MustCompile(`/api(/v[0-9]+)?$`)

// foreignCode returns the Connect code of an HTTP status without a Connect body.
func foreignCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return connect.CodeInternal.String()
	case http.StatusUnauthorized:
		return connect.CodeUnauthenticated.String()
	case http.StatusForbidden:
		return connect.CodePermissionDenied.String()
	case http.StatusNotFound:
		return connect.CodeUnimplemented.String()
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return connect.CodeUnavailable.String()
	default:
		return connect.CodeUnknown.String()
	}
}
