package rpc

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/openwearables/openwearables/internal/problem"
)

// The codecs never fail on a caller's bytes: connect-go would answer such a
// failure itself, without a reason and with the decoder's words. They leave a
// note in the message's unknown fields instead, which the interceptor answers.

type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (jsonCodec) Marshal(m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	return protojson.Marshal(message)
}

func (jsonCodec) Unmarshal(data []byte, m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return errNotMessage
	}
	if len(data) == 0 { // no body is no members
		return nil
	}
	if err := decodeJSON.Unmarshal(data, message); err != nil {
		f := wrongMember(data, message.ProtoReflect().Descriptor(), "")
		proto.Reset(message)
		note(message, f)
	}
	return nil
}

type protoCodec struct{}

func (protoCodec) Name() string { return "proto" }

func (protoCodec) Marshal(m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	return proto.Marshal(message)
}

func (protoCodec) Unmarshal(data []byte, m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return errNotMessage
	}
	if f := wrongText(data, message.ProtoReflect().Descriptor()); f != nil {
		note(message, *f)
	} else if err := decodeProto.Unmarshal(data, message); err != nil {
		proto.Reset(message)
		note(message, problem.FieldError{Message: "The body must be a " + string(message.ProtoReflect().Descriptor().FullName()) + " message"})
	}
	return nil
}

// IsBinary says that answers in this codec are not text.
func (protoCodec) IsBinary() bool { return true }

// MarshalStable serves requests by GET.
func (protoCodec) MarshalStable(m any) ([]byte, error) {
	message, ok := m.(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(message)
}

var (
	decodeJSON    = protojson.UnmarshalOptions{DiscardUnknown: true}
	decodeProto   = proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
	errNotMessage = errors.New("rpc: not a protobuf message")
)

// maxDepth is how deep messages may nest.
const maxDepth = 32

// noteField is a field number that no message of ours has; what a caller sends
// in it is discarded.
const noteField protowire.Number = 536_870_911

func note(m proto.Message, f problem.FieldError) {
	b := protowire.AppendTag(nil, noteField, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(b, f.Field+"\x00"+f.Message))
}

// unreadable returns what a codec noted of the message, or nil.
func unreadable(m any) *problem.FieldError {
	message, ok := m.(proto.Message)
	if !ok {
		return nil
	}
	unknown := message.ProtoReflect().GetUnknown()
	if len(unknown) == 0 {
		return nil
	}
	_, _, n := protowire.ConsumeTag(unknown)
	text, _ := protowire.ConsumeString(unknown[max(n, 0):])
	field, fault, _ := strings.Cut(text, "\x00")
	return &problem.FieldError{Field: field, Message: fault}
}
