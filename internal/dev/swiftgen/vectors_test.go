package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// vectorFile is read by the Swift tests. It holds JSON texts for the messages of testdata
// and how Go's protojson reads them.
const vectorFile = "testdata/vectors.json"

// vector is a JSON text and how protojson reads it.
type vector struct {
	Message string `json:"message"`
	JSON    string `json:"json"`
	// Want is the message as protojson writes it; "" if protojson refuses the text.
	Want string `json:"want,omitempty"`
}

// The committed vectors are what the linked protojson makes of the texts.
func TestVectorsMatchProtojson(t *testing.T) {
	files := compile(t, nil, "values.proto", "names.proto")
	types := dynamicpb.NewTypes(registry(t, files))
	var vectors []vector
	for _, input := range vectorInputs() {
		kind, err := types.FindMessageByName(protoreflect.FullName("swiftgen.test." + input.Message))
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, roundTrip(t, types, kind, input))
	}
	refused := 0
	var out bytes.Buffer
	out.WriteString("[")
	for i, v := range vectors {
		if v.Want == "" {
			refused++
		}
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(map[bool]string{true: "\n", false: ",\n"}[i == 0])
		out.Write(line)
	}
	out.WriteString("\n]\n")
	if refused < 100 || len(vectors)-refused < 100 {
		t.Fatalf("%d vectors, %d of them refused: too few to prove anything", len(vectors), refused)
	}
	if *update {
		if err := os.WriteFile(vectorFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, out.Bytes()) {
		t.Errorf("%s is not what Go reads: see the difference by go test ./internal/dev/swiftgen -update", vectorFile)
	}
}

// registry returns a registry of files and their imports.
func registry(t *testing.T, files linker.Files) *protoregistry.Files {
	t.Helper()
	var result protoregistry.Files
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if _, err := result.FindFileByPath(file.Path()); err == nil {
			return
		}
		imports := file.Imports()
		for i := range imports.Len() {
			add(imports.Get(i).FileDescriptor)
		}
		if err := result.RegisterFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		add(file)
	}
	return &result
}

// roundTrip returns v with what protojson writes after it has read the text.
func roundTrip(t *testing.T, types *dynamicpb.Types, kind protoreflect.MessageType, v vector) vector {
	t.Helper()
	message := kind.New().Interface()
	options := protojson.UnmarshalOptions{DiscardUnknown: true, Resolver: types}
	if options.Unmarshal([]byte(v.JSON), message) != nil {
		return v
	}
	roundTimes(message.ProtoReflect())
	text, err := protojson.MarshalOptions{Resolver: types}.Marshal(message)
	if err != nil {
		t.Fatalf("%s: %v", v.JSON, err)
	}
	// protojson varies its whitespace on purpose.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	v.Want = compact.String()
	return v
}

// roundTimes rounds every time of a message to what a Date of Swift holds of its
// microseconds: it is a double of seconds since 2001.
func roundTimes(message protoreflect.Message) {
	if message.Descriptor().FullName() == "google.protobuf.Timestamp" {
		fields := message.Descriptor().Fields()
		seconds, nanos := fields.ByNumber(1), fields.ByNumber(2)
		const since2001 = 978307200
		offset := float64(message.Get(seconds).Int()) + float64(message.Get(nanos).Int())/1e9 - since2001
		whole := math.Floor(offset)
		micros := int64(math.Round((offset - whole) * 1e6))
		rounded := int64(whole) + since2001 + micros/1e6
		if last := int64(253402300799); rounded > last {
			rounded, micros = last, 0
		}
		message.Set(seconds, protoreflect.ValueOfInt64(rounded))
		message.Set(nanos, protoreflect.ValueOfInt32(int32(micros%1e6*1000)))
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				roundTimes(value.Message())
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				roundTimes(value.List().Get(i).Message())
			}
		case field.Message() != nil && !field.IsMap():
			roundTimes(value.Message())
		}
		return true
	})
}

func vectorInputs() []vector {
	var inputs []vector
	add := func(message, format string, args ...any) {
		text := format
		if len(args) > 0 {
			text = fmt.Sprintf(format, args...)
		}
		inputs = append(inputs, vector{Message: message, JSON: text})
	}
	addScalars(add)
	addTimes(add)
	addShapes(add)
	addWellKnown(add)
	return inputs
}

type adder func(message, format string, args ...any)

// addScalars adds every token for a singular field of every type, and the interesting
// ones also for optional fields, lists, maps, oneofs and wrappers.
func addScalars(add adder) {
	numbers := []string{
		"0", "-0", "1", "-1", "1.0", "1.5", "1e2", "1E+2", "100e-2", "1.5e1", "1e-1", "0.0", "-0.0", "0e5",
		"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
		"9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e18", "1e19", "1e20",
		"922337203685477580.7e1", "18446744073709551615.0", "123456789012345678901234567890",
		"5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "-1.7976931348623157e308", "1e309",
		"3.4028234663852886e38", "3.5e38", "1e-45", "1.401298464324817e-45", "0.1", "0.30000001",
		"16777217", "1e21", "1e-7", "123456.789",
	}
	tokens := slices.Concat(numbers, []string{
		"null", "true", "false", "{}", "[]", `""`, `"abc"`, `"true"`, `"null"`, `"0x10"`, `"+1"`, `" 1"`, `"1 "`,
		`"1_000"`, `"1."`, `".5"`, `"01"`, `"-"`, `"1e"`, `"--1"`, `"NaN"`, `"Infinity"`, `"-Infinity"`, `"nan"`, `"inf"`,
		`"1,5"`, `"\u0661"`, `"SPORT_RUNNING"`, `"SPORT_JOGGING"`, `"sport_running"`, `"SPORT_FENCING"`, "3", "2", "-5",
		`"\u0000"`, `"a\u0000b"`, `"\ud83c\udfc3"`, `"🏃"`, `"\ud83c"`, `"\udfc3\ud83c"`, `"é"`, `"e\u0301"`,
		`"\"\\\/\b\f\n\r\t"`, `"\u2028\u2029"`, `"</script>&"`, `"\x"`,
		`"AA=="`, `"AA"`, `"AA="`, `"AAA="`, `"AAA"`, `"_-_-"`, `"/+/+"`, `"/-/+"`, `"_-8="`, `"_-8"`, `"A"`, `"AAAAA"`, `"*"`,
		`"AA==AA=="`, `"=AAA"`,
		strconv.Quote(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0, 255, 7}, 400))),
		strconv.Quote(strings.Repeat("0123456789", 500)),
	})
	for _, number := range numbers {
		tokens = append(tokens, strconv.Quote(number))
	}
	fields := strings.Fields(`boolValue stringValue bytesValue floatValue doubleValue int32Value int64Value uint32Value
		uint64Value enumValue`)
	for _, field := range fields {
		for _, token := range tokens {
			add("Scalars", `{%q: %s}`, field, token)
		}
		for _, token := range []string{
			"null", "0", "-0", "1", `"1"`, "true", `""`, `"NaN"`, `"AAA"`, "{}", "[]", "1.5", `"SPORT_FENCING"`, "7",
		} {
			add("Optionals", `{%q: %s}`, field, token)
			add("Lists", `{%q: [%s]}`, field, token)
			add("Lists", `{%q: [%s, %s]}`, field, token, token)
			add("Lists", `{%q: %s}`, field, token)
			add("Choice", `{%q: %s}`, field, token)
			add("WellKnown", `{%q: %s}`, field, token)
		}
	}
	for _, field := range []string{"sint32Value", "sint64Value", "fixed32Value", "fixed64Value", "sfixed32Value", "sfixed64Value"} {
		for _, token := range []string{"1", `"1"`, "-1", "4294967295", "18446744073709551615", "1e2"} {
			add("Scalars", `{%q: %s}`, field, token)
		}
	}
	for _, number := range []float64{math.Pi, math.SmallestNonzeroFloat64, math.MaxFloat64, 1.0 / 3, 1e22, 123456789.125} {
		for _, v := range []float64{number, -number} {
			text := strconv.FormatFloat(v, 'g', -1, 64)
			add("Scalars", `{"doubleValue": %s}`, text)
			add("Scalars", `{"floatValue": %s}`, strconv.FormatFloat(float64(float32(v)), 'g', -1, 64))
		}
	}
}

// addTimes adds timestamps and durations of every form.
func addTimes(add adder) {
	for digits := range 11 {
		fraction := "." + "1234567890"[:digits]
		if digits == 0 {
			fraction = ""
		}
		add("WellKnown", `{"timestamp": "2026-03-01T12:34:56%sZ"}`, fraction)
		add("WellKnown", `{"timestamp": "1969-12-31T23:59:59%s-07:30"}`, fraction)
		add("WellKnown", `{"duration": "12%ss"}`, fraction)
		add("WellKnown", `{"duration": "-12%ss"}`, fraction)
		add("WellKnown", `{"duration": "-0%ss"}`, fraction)
	}
	for _, text := range []string{
		"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000001Z", "0000-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999Z",
		"9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z",
		"2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00",
		"2026-01-01", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00Z", "2026-01-01T00:00:00z", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00-23:59",
		"2026-1-01T00:00:00Z", "+2026-01-01T00:00:00Z", " 2026-01-01T00:00:00Z",
		"2026-01-01T00:00:00Z ", "20260101T000000Z", "2026-01-01T00:00:00.5.5Z", "2026-01-01T00:00:00-", "", "now",
		"2026-01-01T00:00:00.100Z", "2026-01-01T00:00:00.000100Z", "2026-01-01T00:00:00.000000100+00:00",
	} {
		add("WellKnown", `{"timestamp": %q}`, text)
	}
	for _, text := range []string{
		"0s", "1s", "+1s", "-1s", "1.s", ".5s", "-.5s", "s", "", "1", "1S", "01s", "00s", "1.5", "1.5 s", " 1s", "--1s",
		"1e3s", "1.0000000000s", "315576000000s", "-315576000000s", "315576000001s", "-315576000001s",
		"315576000000.999999999s", "9223372036854775807s", "9223372036854775808s", "0.000000001s", "-0.000000001s", "1,5s",
		"0x1s", "1m", "-s", "1.-5s",
	} {
		add("WellKnown", `{"duration": %q}`, text)
	}
	for _, token := range []string{"0", "1.5", "null", "{}", "[]", "true", `{"seconds": "1"}`} {
		add("WellKnown", `{"timestamp": %s}`, token)
		add("WellKnown", `{"duration": %s}`, token)
	}
}

// addShapes adds messages, lists, maps, oneofs and names.
func addShapes(add adder) {
	for _, text := range []string{
		"", " ", "{}", " {} ", "[]", "null", "1", `"a"`, "{", "{}}", "{} {}", "{,}", `{"int32Value"}`,
		`{int32Value: 1}`, `{'int32Value': 1}`, `{"int32Value": 01}`, `{"int32Value": +1}`, `{"int32Value": .5}`,
		`{"int32Value": 1.}`, `{"int32Value": NaN}`, `{"int32Value": 0x1}`, `{"stringValue": "a` + "\n" + `b"}`,
		`{"int32Value": 1} x`, `{"unknown": 1}`, `{"unknown": {"deep": [1, {"er": null}]}, "int32Value": 2}`,
		`{"int32_value": 4}`, `{"int32_value": 4, "int32Value": 4}`, `{"Int32Value": 4}`, `{"[x.y]": 1, "int32Value": 1}`,
	} {
		add("Scalars", text)
	}
	for _, text := range []string{
		`{"messageValue": {}}`, `{"messageValue": null}`, `{"messageValue": {"int32Value": 1}}`, `{"messageValue": []}`,
		`{"messageValue": 1}`, `{"messageValue": ""}`, `{"messageValue": {"unknown": 1}}`, `{"stringValue": ""}`,
	} {
		add("Optionals", text)
		add("Choice", text)
	}
	for _, text := range []string{
		`{"messageValue": [{}, {"int32Value": 0}]}`, `{"messageValue": [null]}`, `{"messageValue": {}}`,
		`{"messageValue": [1]}`, `{"enumValue": ["SPORT_SWIMMING", "SPORT_FENCING", 9, "SPORT_RUNNING"]}`,
		`{"timestampValue": ["2026-01-01T00:00:00Z"]}`, `{"timestampValue": [null]}`,
		`{"anyJson": [null, 1, "a", true, [1, [null]], {"a": {"b": null}}]}`,
		`{"listJson": [[], [1], [null]]}`, `{"listJson": [1]}`, `{"listJson": [null]}`,
		`{"wrapped": ["1", 2]}`, `{"wrapped": [null]}`, `{"stringValue": [["a"]]}`,
	} {
		add("Lists", text)
	}
	for _, text := range []string{
		`{"byString": {"": 1, "a": 2, "\u0000": 3, "userID": 4, "user_id": 5}}`, `{"byString": null}`, `{"byString": []}`,
		`{"byString": {"a": null}}`, `{"byString": {"a": "1"}}`, `{"byString": {"a": {}}}`, `{"byString": {}}`,
		`{"byBool": {"true": 1, "false": 2}}`, `{"byBool": {"True": 1}}`, `{"byBool": {"1": 1}}`, `{"byBool": {"": 1}}`,
		`{"byInt32": {"-2147483648": 1, "2147483647": 2, "0": 3}}`, `{"byInt32": {"2147483648": 1}}`,
		`{"byInt32": {"1.0": 1}}`, `{"byInt32": {"1e1": 1}}`, `{"byInt32": {"a": 1}}`, `{"byInt32": {" 1": 1}}`,
		`{"byInt32": {"1": 1, "01": 2}}`, `{"byInt64": {"-9223372036854775808": 1, "9223372036854775807": 2}}`,
		`{"byInt64": {"9223372036854775808": 1}}`, `{"byUint32": {"4294967295": 1}}`, `{"byUint32": {"-1": 1}}`,
		`{"byUint64": {"18446744073709551615": 1}}`, `{"byUint64": {"18446744073709551616": 1}}`,
		`{"bySint32": {"-1": 1}}`, `{"byFixed64": {"1": 1}}`,
		`{"toBool": {"a": true, "b": false}}`, `{"toString": {"a": ""}}`, `{"toBytes": {"a": "AAA", "b": ""}}`,
		`{"toDouble": {"a": "NaN", "b": 0, "c": "-Infinity"}}`, `{"toUint64": {"a": 1, "b": "2"}}`,
		`{"toEnum": {"a": "SPORT_RUNNING", "b": "SPORT_FENCING", "c": 12}}`, `{"toEnum": {"a": null}}`,
		`{"toMessage": {"a": {"int32Value": 0}, "b": {}}}`, `{"toMessage": {"a": null}}`,
		`{"toDuration": {"a": "1.5s"}}`, `{"toDuration": {"a": null}}`,
		`{"toJson": {"a": null, "b": [1], "c": {"d": "e"}}}`, `{"toObject": {"a": {}, "b": {"c": null}}}`,
		`{"toObject": {"a": null}}`, `{"toObject": {"a": []}}`,
	} {
		add("Maps", text)
	}
	for _, text := range []string{
		`{"boolValue": false}`, `{"stringValue": "", "boolValue": true}`, `{"stringValue": null, "boolValue": true}`,
		`{"stringValue": "a", "left": 1}`, `{"left": 0}`, `{"left": 0, "right": 0}`, `{"left": null, "right": 0}`,
		`{"timestampValue": "2026-01-01T00:00:00Z"}`, `{"wrapped": ""}`, `{"wrapped": null}`, `{"nullValue": null}`,
		`{"nullValue": "NULL_VALUE"}`, `{"nullValue": null, "boolValue": true}`, `{"anyJson": null}`, `{"anyJson": {"a": 1}}`,
		`{"anyJson": null, "boolValue": true}`, `{"nothing": {}}`, `{"nothing": null}`, `{"nothing": {"a": 1}}`,
		`{"enumValue": 0}`, `{"enumValue": 44}`, `{"enumValue": "SPORT_FENCING"}`, `{"bool_value": true, "int32Value": 1}`,
	} {
		add("Choice", text)
	}
	for _, text := range []string{
		`{"self": "a", "init": "b", "description": "c", "debugDescription": "d", "hash": "e", "hashValue": "6",
		"customMirror": "f", "default": "g", "in": "h", "let": "i", "type": "j", "protocol": "k", "reader": "l",
		"writer": "m", "decoder": "n", "encoder": "o", "value": "p", "encode": "q", "messageName": "r", "nil": "s"}`,
		`{"none": "a"}`, `{"some": "a"}`,
	} {
		add("Keywords", text)
	}
	for _, text := range []string{
		`{"uid": "a", "baseUrl": "b", "HTTPStatus": "c", "camelCase": "d", "Leading": "e", "x1Y2z": "f"}`,
		`{"user_id": "a", "base_url": "b", "_leading": "e", "x1_y2z": "f"}`, `{"userId": "a"}`, `{"uid": "a", "user_id": "b"}`,
	} {
		add("Renamed", text)
	}
	add("Tree", `{"name": "a", "left": {"name": "b", "right": {}}, "children": [{}, {"left": {}}], "named": {"c": {}},
		"branch": {"tree": {"inner": {}}, "leaf": {"int32Value": 1}}}`)
	add("Tree", "%s{}%s", strings.Repeat(`{"left": `, 100), strings.Repeat("}", 100))
	add("Error", `{"type": {"any": "a"}, "protocol": "PROTOCOL_SELF", "protocols": [2, "PROTOCOL_2"], "detail": {}}`)
	add("Envelope", `{"credentials": {"userName": "a", "pin": 1}, "list": [{"codes": ["b"]}], "map": {"c": {}}}`)
}

// addWellKnown adds the types of google/protobuf.
func addWellKnown(add adder) {
	for _, text := range []string{
		"", " ", "a", "firstName", "firstName,email", "a.b.firstName", "first_name", "a,,b", ",", "a,", "1a", "a.1b", "A",
		"firstName, email", " a ", "a..b", ".a", "a-b", "é", "aB1", "x1Y",
	} {
		add("WellKnown", `{"fieldMask": %q}`, text)
	}
	add("WellKnown", `{"fieldMask": {"paths": ["a"]}}`)
	add("WellKnown", `{"fieldMask": ["a"]}`)
	for _, token := range []string{
		"null", "0", "-0", "1.5", "1e300", `""`, `"a"`, "true", "false", "[]", "{}", `[null, [1, {"a": [true]}], "b"]`,
		`{"a": null, "b": {"c": []}, "@type": 1}`, "1e999",
	} {
		for _, field := range []string{"value", "object", "list", "nullValue", "empty"} {
			add("WellKnown", `{%q: %s}`, field, token)
		}
	}
	scalars := `"@type": "type.googleapis.com/swiftgen.test.Scalars"`
	for _, text := range []string{
		`{}`, `null`, `[]`, `{"a": 1}`, `{"@type": 1}`, `{"@type": null}`,
		`{` + scalars + `, "int32Value": 1, "int64Value": "2", "doubleValue": 0.5}`,
		`{"stringValue": "a", ` + scalars + `}`,
		`{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1.500s"}`,
		`{"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "2026-01-01T00:00:00Z"}`,
		`{"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": [1]}}`,
		`{"@type": "type.googleapis.com/google.protobuf.Any", "value": {` + scalars + `}}`,
	} {
		add("WellKnown", `{"any": %s}`, text)
	}
}
