package front

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/openwearables/openwearables/internal/jsonbody"
	"github.com/openwearables/openwearables/internal/problem"
)

// bodyReader reads the whole body of a request once, refuses what no operation
// can read, and puts the body back for the decoder.
type bodyReader func(o *operation, r *http.Request) error

// readREST is the bodyReader of REST: JSON, or a form if the operation takes
// one.
func readREST(o *operation, r *http.Request) error {
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return problem.InvalidError(problem.FieldError{Message: "The query must be percent-encoded"})
	}
	if o.body == noBody {
		r.Body = http.NoBody
		return nil
	}
	if isCompressed(r.Header.Get("Content-Encoding")) {
		return errCompressed()
	}
	media := mediaType(r.Header.Get("Content-Type"))
	isForm := o.form && media == "application/x-www-form-urlencoded"
	if media != "" && media != "application/json" && !isForm {
		return errMedia("Send the body as application/json")
	}
	data, err := readAll(r, o.maxBody())
	switch {
	case err != nil:
		return err
	case len(data) == 0 && o.body == requiredBody:
		return problem.InvalidError(problem.FieldError{Message: "A JSON body is required"})
	case len(data) == 0:
	case media == "":
		return errMedia("Send the body as application/json, and say so in Content-Type")
	case isForm:
		err = checkForm(data)
	default:
		err = o.checkJSON(data, o.lists.rest)
	}
	if media != "" {
		r.Header.Set("Content-Type", media) // the decoder compares byte by byte
	}
	replaceBody(r, data)
	return err
}

// readRPC is the bodyReader of Connect, gRPC and gRPC-Web.
func readRPC(o *operation, r *http.Request) error {
	if err := checkProtocol(r.Header); err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		replaceBody(r, nil)
		return readQuery(o, r)
	}
	media := mediaType(r.Header.Get("Content-Type"))
	codec, framed := rpcCodec(media)
	if codec == "" {
		return errMedia("Send the body as application/json, application/proto, application/grpc or application/grpc-web")
	}
	if isCompressed(r.Header.Get("Content-Encoding")) {
		return errCompressed()
	}
	if err := readMessage(o, r, codec, framed); err != nil {
		return err
	}
	r.Header.Set("Content-Type", media)
	return nil
}

// readMessage reads a message of the codec, which is "" for any, and checks it.
func readMessage(o *operation, r *http.Request, codec string, framed bool) error {
	limit := o.maxBody()
	if framed {
		if err := checkGRPC(r.Header); err != nil {
			return err
		}
		limit += frameHeader
	}
	data, err := readAll(r, limit)
	if err != nil {
		return err
	}
	message := data
	if framed {
		if message, err = unframe(data); err != nil {
			return err
		}
	}
	replaceBody(r, data)
	return checkMessage(o, codec, message)
}

// checkMessage checks a message of the codec, which is "" for any, as far as it
// can be without its type. An empty one is well-formed in each.
func checkMessage(o *operation, codec string, message []byte) error {
	switch {
	case len(message) == 0:
		return nil
	case codec == "json":
		return o.checkJSON(message, o.lists.rpc)
	case codec == "proto":
		return o.lists.checkEncoded(message)
	default:
		return nil
	}
}

// readMounted is the bodyReader of mounted handlers: a body of any media type.
func readMounted(o *operation, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	if isCompressed(r.Header.Get("Content-Encoding")) {
		return errCompressed()
	}
	codec, framed := rpcCodec(mediaType(r.Header.Get("Content-Type")))
	return readMessage(o, r, codec, framed)
}

// readNone is the bodyReader of handlers that take no body. It reads nothing: it
// refuses a body that is declared too large or compressed, and hides any other.
func readNone(o *operation, r *http.Request) error {
	switch {
	case r.ContentLength > o.maxBody():
		return errTooLarge()
	case r.ContentLength != 0 && isCompressed(r.Header.Get("Content-Encoding")):
		return errCompressed()
	}
	r.Body = http.NoBody
	return nil
}

// readLater is the bodyReader of handlers that read the body themselves.
func readLater(*operation, *http.Request) error { return nil }

// readQuery checks the message of a Connect GET, which is in the query.
func readQuery(o *operation, r *http.Request) error {
	q := r.URL.Query()
	for _, name := range []string{"connect", "encoding", "base64", "compression", "message"} {
		if len(q[name]) > 1 {
			return problem.InvalidError(problem.FieldError{Field: name, Message: "must not be given more than once"})
		}
	}
	if isCompressed(q.Get("compression")) {
		return errCompressed()
	}
	if v := q.Get("connect"); v != "" && v != "v1" {
		return problem.InvalidError(problem.FieldError{Field: "connect", Message: "must be v1"})
	}
	if !q.Has("message") {
		return problem.InvalidError(problem.FieldError{Field: "message", Message: "is required"})
	}
	message := []byte(q.Get("message"))
	if q.Get("base64") == "1" {
		var err error
		if message, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(q.Get("message"), "=")); err != nil {
			return problem.InvalidError(problem.FieldError{Field: "message", Message: "must be URL-safe base64"})
		}
	}
	codec := q.Get("encoding")
	if codec != "json" && codec != "proto" {
		return errMedia("Send the message with encoding=json or encoding=proto")
	}
	return checkMessage(o, codec, message)
}

// rpcCodec returns the codec of an RPC content type, and whether its bodies are
// frames. The codec of an unsupported content type is "".
func rpcCodec(media string) (codec string, framed bool) {
	switch media {
	case "application/json":
		return "json", false
	case "application/proto":
		return "proto", false
	case "application/grpc", "application/grpc+proto", "application/grpc-web", "application/grpc-web+proto":
		return "proto", true
	case "application/grpc+json", "application/grpc-web+json":
		return "json", true
	}
	return "", false
}

// frameHeader is the length of the header of a gRPC frame: one byte of flags and
// a big-endian length of four.
const frameHeader = 5

// unframe returns the message of a unary call, which is one uncompressed frame.
func unframe(data []byte) ([]byte, error) {
	bad := func(message string) error { return problem.InvalidError(problem.FieldError{Message: message}) }
	if len(data) < frameHeader {
		return nil, bad("The body must hold one message in a gRPC frame")
	}
	if data[0]&1 != 0 {
		return nil, errCompressed()
	}
	message := data[frameHeader:]
	if data[0] != 0 || uint64(binary.BigEndian.Uint32(data[1:])) != uint64(len(message)) {
		return nil, bad("The body must hold exactly one message in a gRPC frame")
	}
	return message, nil
}

// checkProtocol refuses invalid protocol headers, which the RPC library would
// refuse without a reason.
func checkProtocol(h http.Header) error {
	if v := h.Get("Connect-Protocol-Version"); v != "" && v != "1" {
		return problem.InvalidError(problem.FieldError{Field: "Connect-Protocol-Version", Message: "must be 1"})
	}
	if v := h.Get("Connect-Timeout-Ms"); v != "" && (len(v) > 10 || strings.Trim(v, "0123456789") != "") {
		return problem.InvalidError(problem.FieldError{Field: "Connect-Timeout-Ms", Message: "must be milliseconds, at most 10 digits"})
	}
	return nil
}

var grpcTimeout = regexp.MustCompile(`^\d{1,8}[HMSmun]$`)

// checkGRPC is checkProtocol for gRPC and gRPC-Web. A client may name gzip as
// its compression as long as it sends uncompressed frames.
func checkGRPC(h http.Header) error {
	if v := h.Get("Grpc-Timeout"); v != "" && !grpcTimeout.MatchString(v) {
		return problem.InvalidError(problem.FieldError{Field: "Grpc-Timeout", Message: "must be at most 8 digits and a unit, one of HMSmun"})
	}
	if v := h.Get("Grpc-Encoding"); isCompressed(v) && v != "gzip" {
		return errCompressed()
	}
	return nil
}

// mediaType returns the media type of a Content-Type header without its
// parameters. It returns "" for no header, and "unreadable" for a malformed one
// or a charset other than UTF-8.
func mediaType(header string) string {
	media, params, err := mime.ParseMediaType(header)
	if charset, ok := params["charset"]; err != nil || ok && !isUTF8(charset) {
		if header == "" {
			return ""
		}
		return "unreadable"
	}
	return media
}

// isUTF8 reports whether the name of a charset, in whatever quotes, is that of
// UTF-8, with its hyphen or without.
func isUTF8(charset string) bool {
	charset = strings.Trim(charset, "'\" ")
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

func isCompressed(encoding string) bool { return encoding != "" && encoding != "identity" }

func errCompressed() error {
	return errMedia("Send the body uncompressed")
}

func errMedia(detail string) error {
	return &problem.Error{Kind: problem.UnsupportedMedia, Reason: "unsupported_media_type", Detail: detail}
}

// readAll reads a body of at most limit bytes.
func readAll(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge()
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, bodyError(r, err)
	case int64(len(data)) > limit:
		return nil, errTooLarge()
	}
	return data, nil
}

func errTooLarge() error {
	return &problem.Error{Kind: problem.TooLarge, Reason: "body_too_large", Detail: "The body is too large"}
}

func replaceBody(r *http.Request, data []byte) {
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.ContentLength = int64(len(data))
}

// checkJSON refuses a body that package jsonbody refuses, with at most so many
// items in its lists, and one with a member that another operation has.
func (o *operation) checkJSON(data []byte, maxItems map[string]int) error {
	err := jsonbody.Check(data, maxItems)
	if err == nil {
		return o.elsewhere.check(data)
	}
	f := problem.FieldError{Message: "The body must be valid JSON"}
	if wrong, ok := errors.AsType[*jsonbody.Error](err); ok {
		f = problem.FieldError{Field: wrong.Field, Message: wrong.Problem}
		if f.Field == "" {
			f.Message = "The body " + wrong.Problem
		}
	}
	return problem.InvalidError(f)
}
