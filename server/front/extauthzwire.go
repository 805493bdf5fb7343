package front

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// checkRequest is what is read of envoy.service.auth.v3.CheckRequest, and checkResponse
// what is written of CheckResponse. Their generated types would add 2.7
// MB to the program for these few fields.
type checkRequest struct {
	address            string // of the peer of Envoy: the client, or a proxy before Envoy
	method, host, path string // path has the query
	header             http.Header
}

// checkResponse lets the request pass if the status is 200, with these fields and without
// those to remove; else it is the answer to the client.
type checkResponse struct {
	status int
	header []headerField
	remove []string
	body   string
}

type headerField struct{ name, value string }

// checkCodec reads and writes these in the encoding of protocol buffers.
type checkCodec struct{}

var (
	errWire       = errors.New("this is no CheckRequest")
	errRawHeaders = errors.New("the header is not read in this form: leave encode_raw_headers out")
)

func (checkCodec) Name() string { return "proto" }

// Unmarshal reads a CheckRequest.
func (checkCodec) Unmarshal(data []byte, m any) error {
	to, ok := m.(*checkRequest)
	if !ok {
		return errWire
	}
	to.header = make(http.Header)
	return eachField(data, func(n protowire.Number, attributes []byte) error {
		if n != 1 {
			return nil
		}
		return eachField(attributes, func(n protowire.Number, v []byte) error {
			switch n {
			case 1: // source.address.socket_address.address
				return lead(v, func(address []byte) { to.address = string(address) }, 1, 1, 2)
			case 4: // request.http
				return eachField(v, func(n protowire.Number, v []byte) error {
					if n != 2 {
						return nil
					}
					return eachField(v, to.readHTTP)
				})
			}
			return nil
		})
	})
}

// readHTTP reads one field of AttributeContext.HttpRequest.
func (m *checkRequest) readHTTP(n protowire.Number, v []byte) error {
	switch n {
	case 2:
		m.method = string(v)
	case 3:
		return m.readHeader(v)
	case 4:
		m.path = string(v)
	case 5:
		m.host = string(v)
	case 13: // header_map, in place of the field 3
		return errRawHeaders
	}
	return nil
}

// readHeader reads a field of the header. Envoy joins the values of a field that is there
// several times: of a credential that is several, since none holds a comma.
func (m *checkRequest) readHeader(entry []byte) error {
	var name, value string
	err := eachField(entry, func(n protowire.Number, v []byte) error {
		switch n {
		case 1:
			name = string(v)
		case 2:
			value = string(v)
		}
		return nil
	})
	if name = http.CanonicalHeaderKey(name); name == "Authorization" || name == "X-Open-Wearables-Api-Key" {
		m.header[name] = append(m.header[name], strings.Split(value, ",")...)
	} else {
		m.header[name] = append(m.header[name], value)
	}
	return err
}

// Marshal writes a CheckResponse.
func (checkCodec) Marshal(m any) ([]byte, error) {
	r, ok := m.(*checkResponse)
	if !ok {
		return nil, errWire
	}
	const permissionDenied = 7
	allowed := r.status == http.StatusOK
	var status, answer []byte
	answerField := protowire.Number(3)
	if !allowed {
		answerField = 2
		status = appendVarint(status, 1, permissionDenied)
		answer = appendBytes(answer, 1, appendVarint(nil, 1, uint64(r.status)))
	}
	for _, h := range r.header {
		const overwriteOrAdd = 2
		field := appendBytes(appendBytes(nil, 1, []byte(h.name)), 2, []byte(h.value))
		answer = appendBytes(answer, 2, appendVarint(appendBytes(nil, 1, field), 3, overwriteOrAdd))
	}
	for _, name := range r.remove {
		answer = appendBytes(answer, 5, []byte(name))
	}
	if !allowed {
		answer = appendBytes(answer, 3, []byte(r.body))
	}
	return appendBytes(appendBytes(nil, 1, status), answerField, answer), nil
}

// eachField calls f for each field of a message that holds bytes: a text or a message.
func eachField(data []byte, f func(protowire.Number, []byte) error) error {
	for len(data) > 0 {
		n, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			return errWire
		}
		data = data[size:]
		if kind != protowire.BytesType {
			if size = protowire.ConsumeFieldValue(n, kind, data); size < 0 {
				return errWire
			}
			data = data[size:]
			continue
		}
		value, size := protowire.ConsumeBytes(data)
		if size < 0 {
			return errWire
		}
		data = data[size:]
		if err := f(n, value); err != nil {
			return err
		}
	}
	return nil
}

// lead calls f for the field that the numbers lead to, from one message into the next.
func lead(data []byte, f func([]byte), numbers ...protowire.Number) error {
	return eachField(data, func(n protowire.Number, v []byte) error {
		switch {
		case n != numbers[0]:
			return nil
		case len(numbers) == 1:
			f(v)
			return nil
		default:
			return lead(v, f, numbers[1:]...)
		}
	})
}

func appendBytes(b []byte, n protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), value)
}

func appendVarint(b []byte, n protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), value)
}
