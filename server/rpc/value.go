package rpc

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/openwearables/openwearables/internal/problem"
)

// fitValue returns the notation of a value that the decoder takes in the field, or
// as an item of it, or "" if it takes the value as it is. fault says what the value
// must be if it does not fit, and is "" if it does.
func fitValue(value jsontext.Value, field protoreflect.FieldDescriptor) (fitted, fault string) {
	switch kind := value.Kind(); field.Kind() {
	case protoreflect.StringKind:
		return "", unless(kind == jsontext.KindString, "must be a string")
	case protoreflect.BoolKind:
		return "", unless(kind == jsontext.KindTrue || kind == jsontext.KindFalse, "must be true or false")
	case protoreflect.Int32Kind:
		return fitWhole(value)
	case protoreflect.DoubleKind:
		return fitNumber(value)
	case protoreflect.MessageKind:
		switch field.Message().FullName() {
		case "google.protobuf.Timestamp":
			return fitInstant(value)
		case "google.protobuf.FieldMask":
			return "", unless(decodes(value, field), "must be a comma-separated list of fields")
		}
	}
	return "", unless(decodes(value, field), "has the wrong type")
}

func unless(fits bool, fault string) string {
	if fits {
		return ""
	}
	return fault
}

// fitWhole takes what protobuf's JSON does: a number, also in quotes. One that is
// too large for the field becomes one that no rule allows, so that the rule's
// refusal names the range.
func fitWhole(value jsontext.Value) (fitted, fault string) {
	n, ok := problem.ParseWhole(unquoted(value))
	if !ok {
		return "", problem.NotWhole
	}
	if int64(int32(n)) != n {
		n = math.MinInt32
	}
	return ifOther(value, strconv.FormatInt(n, 10)), ""
}

// fitNumber takes a number, also in quotes, and the names of those that are not
// finite. One that is too large for the field becomes infinite, which no rule
// allows.
func fitNumber(value jsontext.Value) (fitted, fault string) {
	text := unquoted(value)
	switch number := jsontext.Value(text); {
	case text == "NaN" || strings.TrimPrefix(text, "-") == "Infinity":
		return "", unless(value.Kind() == jsontext.KindString, problem.NotNumber)
	case number.Kind() != jsontext.KindNumber || !number.IsValid() || strings.TrimSpace(text) != text:
		return "", problem.NotNumber
	}
	x, err := strconv.ParseFloat(text, 64)
	switch {
	case err == nil:
		return ifOther(value, text), ""
	case x < 0:
		return `"-Infinity"`, ""
	default:
		return `"Infinity"`, ""
	}
}

func fitInstant(value jsontext.Value) (fitted, fault string) {
	if value.Kind() != jsontext.KindString {
		return "", "must be a string"
	}
	t, err := problem.ParseInstant(unquoted(value))
	if err != nil {
		return "", problem.NotInstant
	}
	return ifOther(value, strconv.Quote(t.Format(time.RFC3339Nano))), ""
}

// unquoted returns the text of a string, and any other value as it stands.
func unquoted(value jsontext.Value) string {
	if value.Kind() != jsontext.KindString {
		return string(value)
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return ""
	}
	return string(text)
}

func ifOther(value jsontext.Value, text string) string {
	if string(value) == text {
		return ""
	}
	return text
}

// decodes reports whether the decoder takes the value in the field, or as an item
// of it.
func decodes(value jsontext.Value, field protoreflect.FieldDescriptor) bool {
	open, end := `{"`+field.JSONName()+`":`, "}"
	if field.IsList() {
		open, end = open+"[", "]}"
	}
	alone := append(append([]byte(open), value...), end...)
	return decodeJSON.Unmarshal(alone, dynamicpb.NewMessage(field.ContainingMessage())) == nil
}
