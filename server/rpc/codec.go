package rpc

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/openwearables/openwearables/internal/problem"
)

// The codecs return no error for the bytes of a client: connect-go would answer
// it itself, without a reason and in the words of the decoder. Instead they
// leave a note in the unknown fields of the message, and the interceptor answers
// that.

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
	if len(data) == 0 { // an empty body is an empty message
		return nil
	}
	fitting, fault := fitMembers(data, message.ProtoReflect().Descriptor())
	if fault == nil && decodeJSON.Unmarshal(fitting.body, message) != nil {
		fault = notMessage(message.ProtoReflect().Descriptor())
	}
	if fault != nil {
		proto.Reset(message)
		note(message, *fault)
		return nil
	}
	markEmptyLists(data, message.ProtoReflect())
	fitting.noteItems(message.ProtoReflect())
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
	of := message.ProtoReflect().Descriptor()
	fitting := fitItems(data, of)
	fault := wrongText(fitting.body, of)
	if fault == nil && decodeProto.Unmarshal(fitting.body, message) != nil {
		fault = notMessage(of)
	}
	if fault != nil {
		proto.Reset(message)
		note(message, *fault)
		return nil
	}
	fitting.noteItems(message.ProtoReflect())
	return nil
}

// IsBinary reports that this codec is not text.
func (protoCodec) IsBinary() bool { return true }

// MarshalStable encodes deterministically, for requests by GET.
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

// noteField is a field number of no message in openwearables.v1. The codecs
// discard what a client sends in it.
const noteField protowire.Number = 536_870_911

// note records in m why it could not be decoded.
func note(m proto.Message, f problem.FieldError) {
	b := protowire.AppendTag(nil, noteField, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(b, f.Field+"\x00"+f.Message))
}

// unreadable returns the note of a codec in the message, or nil.
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
