package rpc

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/openwearables/openwearables/internal/problem"
)

// wrongMember finds the first member of a JSON body that does not fit the
// descriptor, and returns what it must be. The decoder must have refused the
// body.
func wrongMember(data []byte, of protoreflect.MessageDescriptor, path string) problem.FieldError {
	whole := problem.FieldError{Field: path, Message: "must be an object"}
	if path == "" {
		whole.Message = "The body must be a JSON object"
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return whole
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field := of.Fields().ByJSONName(name)
		if field == nil {
			field = of.Fields().ByTextName(name)
		}
		if field == nil {
			continue
		}
		one, err := json.Marshal(map[string]json.RawMessage{name: members[name]})
		if err != nil || decodeJSON.Unmarshal(one, dynamicpb.NewMessage(of)) != nil {
			return wrongValue(members[name], field, join(path, string(field.Name())))
		}
	}
	return problem.FieldError{Field: path, Message: "must not name a member twice"}
}

func wrongValue(value json.RawMessage, field protoreflect.FieldDescriptor, path string) problem.FieldError {
	if !field.IsList() {
		return wrongSingle(value, field, path)
	}
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		return problem.FieldError{Field: path, Message: "must be an array"}
	}
	for i, item := range items {
		one, err := json.Marshal(map[string][]json.RawMessage{field.JSONName(): {item}})
		if err != nil || decodeJSON.Unmarshal(one, dynamicpb.NewMessage(field.ContainingMessage())) != nil {
			return wrongSingle(item, field, path+"["+strconv.Itoa(i)+"]")
		}
	}
	return problem.FieldError{Field: path, Message: "must be an array"}
}

func wrongSingle(value json.RawMessage, field protoreflect.FieldDescriptor, path string) problem.FieldError {
	e := problem.FieldError{Field: path}
	switch field.Kind() {
	case protoreflect.StringKind:
		e.Message = "must be a string"
	case protoreflect.BoolKind:
		e.Message = "must be true or false"
	case protoreflect.Int32Kind:
		e.Message = "must be an integer in range"
	case protoreflect.DoubleKind:
		e.Message = "must be a number in range"
	case protoreflect.MessageKind:
		switch field.Message().FullName() {
		case "google.protobuf.Timestamp":
			if value[0] != '"' {
				e.Message = "must be a string"
				break
			}
			e.Message = "must be an RFC 3339 time such as 2026-03-07T10:30:00Z"
		case "google.protobuf.FieldMask":
			e.Message = "must be a comma-separated list of fields"
		default:
			return wrongMember(value, field.Message(), path)
		}
	default:
		e.Message = "has the wrong type"
	}
	return e
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
