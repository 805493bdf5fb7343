package rest

import (
	"errors"
	"math"
	"reflect"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/oapi-codegen/nullable"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/jsonbody"
	"github.com/openwearables/openwearables/internal/problem"
)

// bodies reads the body of every operation: numbers as numbers does, and workouts
// so that one which cannot be read fails alone.
var bodies = jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
	readNumbers, jsonv2.UnmarshalFromFunc(readWorkout), jsonv2.UnmarshalFromFunc(readNullable[[]openapi.AlertThresholdInput])))

// numbers reads numbers in any notation. One that is too large for its type
// becomes one that no rule allows, so that the rule's refusal names the range.
var (
	numbers     = jsonv2.WithUnmarshalers(readNumbers)
	readNumbers = jsonv2.JoinUnmarshalers(jsonv2.UnmarshalFromFunc(readWhole), jsonv2.UnmarshalFromFunc(readNumber))
)

var errNotWhole = errors.New("not a whole number")

func readWhole(d *jsontext.Decoder, to *int32) error {
	if d.PeekKind() != jsontext.KindNumber {
		return errors.ErrUnsupported
	}
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	n, ok := problem.ParseWhole(string(value))
	if !ok {
		return errNotWhole
	}
	if *to = int32(n); int64(*to) != n {
		*to = math.MinInt32
	}
	return nil
}

func readNumber(d *jsontext.Decoder, to *float64) error {
	if d.PeekKind() != jsontext.KindNumber {
		return errors.ErrUnsupported
	}
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	*to, _ = strconv.ParseFloat(string(value), 64) // an error is that of the range, beyond which is an infinity
	return nil
}

// readNullable reads a member that may be null as every other one is read, which its
// own method does not.
func readNullable[T any](d *jsontext.Decoder, to *nullable.Nullable[T]) error {
	if d.PeekKind() == jsontext.KindNull {
		to.SetNull()
		return d.SkipValue()
	}
	var value T
	if err := jsonv2.UnmarshalDecode(d, &value, numbers); err != nil {
		return err
	}
	to.Set(value)
	return nil
}

func readWorkout(d *jsontext.Decoder, to *openapi.WorkoutInput) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	type members openapi.WorkoutInput // which is not read by this function
	if value.Kind() != jsontext.KindBeginObject {
		to.Fault = &jsonv2.SemanticError{GoType: reflect.TypeFor[members]()}
	} else {
		to.Fault = jsonv2.Unmarshal(value, (*members)(to), numbers, jsontext.AllowDuplicateNames(true)) // there are none
	}
	return nil
}

// memberFault returns which member of a body has the wrong type.
func memberFault(err error) problem.FieldError {
	if wrong, ok := errors.AsType[*jsonv2.SemanticError](err); ok {
		return problem.FieldError{Field: jsonbody.Field(string(wrong.JSONPointer)), Message: typeMessage(wrong)}
	}
	return problem.FieldError{Message: "The body cannot be read"}
}

// typeMessage returns which type the member must have, in the terms of JSON.
func typeMessage(err *jsonv2.SemanticError) string {
	t := err.GoType
	if t != nil && t.Kind() == reflect.Map && t.Key().Kind() == reflect.Bool {
		t = t.Elem() // the value of a nullable.Nullable
	}
	if t == nil {
		return "has the wrong type"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem() // what a function reads into
	}
	switch t.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return problem.NotWhole
	case reflect.Float64:
		return problem.NotNumber
	case reflect.Slice:
		return "must be an array"
	case reflect.Map, reflect.Struct:
		return "must be an object"
	default:
		return "has the wrong type"
	}
}
