package rest

import (
	"reflect"

	jsonv2 "github.com/go-json-experiment/json"
)

// typeMessage returns which type the member must have, in the terms of JSON.
func typeMessage(err *jsonv2.SemanticError) string {
	t := err.GoType
	if t != nil && t.Kind() == reflect.Map && t.Key().Kind() == reflect.Bool {
		t = t.Elem() // the value of a nullable.Nullable
	}
	if t == nil {
		return "has the wrong type"
	}
	switch t.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "must be an integer in range"
	case reflect.Float64:
		return "must be a number in range"
	case reflect.Slice:
		return "must be an array"
	case reflect.Map, reflect.Struct:
		return "must be an object"
	default:
		return "has the wrong type"
	}
}
