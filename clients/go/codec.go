package openwearables

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// codec is the binary Protobuf codec with a bound on the parts of a message. It has
// the optional methods that connect-go looks for in a codec.
type codec struct{ bound int64 }

func (codec) Name() string { return "proto" }

func (codec) IsBinary() bool { return true }

func (c codec) Marshal(message any) ([]byte, error) { return c.MarshalAppend(nil, message) }

func (codec) MarshalAppend(dst []byte, message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, errNotProto(message)
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, m)
}

func (codec) MarshalStable(message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, errNotProto(message)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Unmarshal refuses a message of too many parts before it is built: two bytes suffice
// for an item that takes two hundred bytes of memory.
func (c codec) Unmarshal(data []byte, message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return errNotProto(message)
	}
	if len(data) > plainBody {
		left := maxParts(c.bound)
		if err := countParts(data, m.ProtoReflect().Descriptor(), 0, &left); err != nil {
			return err
		}
	}
	if proto.Unmarshal(data, m) != nil {
		return errNotDecodable()
	}
	return nil
}

func errNotProto(message any) error { return fmt.Errorf("%T is not a Protobuf message", message) }

func errNotDecodable() *Error { return invalidResponse("the response cannot be decoded") }

func tooManyParts() *Error {
	return invalidResponse("the response has too many parts for its size")
}

// maxParts returns the number of fields that a message of up to bound bytes may have:
// one for every 64 bytes. A full page has a few thousand fields.
func maxParts(bound int64) int { return int(bound / 64) }

const maxDepth = 100 // of messages within messages

// countParts takes the fields of a message, and of all messages in it, off left.
func countParts(data []byte, of protoreflect.MessageDescriptor, depth int, left *int) error {
	if depth > maxDepth {
		return tooManyParts()
	}
	for len(data) > 0 {
		if *left--; *left < 0 {
			return tooManyParts()
		}
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errNotDecodable()
		}
		data = data[n:]
		size := protowire.ConsumeFieldValue(number, kind, data)
		if size < 0 {
			return errNotDecodable()
		}
		field := of.Fields().ByNumber(number)
		if kind == protowire.BytesType && field != nil && field.Message() != nil {
			value, _ := protowire.ConsumeBytes(data)
			if err := countParts(value, field.Message(), depth+1, left); err != nil {
				return err
			}
		}
		data = data[size:]
	}
	return nil
}

// countJSON returns how many values a JSON text may have, or 0 for a short text.
func countJSON(data []byte) int {
	if len(data) <= plainBody {
		return 0
	}
	return bytes.Count(data, []byte{','}) + bytes.Count(data, []byte{'{'}) + bytes.Count(data, []byte{'['})
}
