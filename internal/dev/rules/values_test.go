package rules_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// fields calls visit for each field of the contract.
func fields(visit func(protoreflect.FieldDescriptor)) {
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			all := file.Messages().Get(i).Fields()
			for j := range all.Len() {
				visit(all.Get(j))
			}
		}
		return true
	})
}

// enums returns the enumerations of openapi.yaml, each sorted and without null.
func enums(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`enum: \[([^\]]+)\]`).FindAllStringSubmatch(string(text), -1) {
		var values []string
		for value := range strings.SplitSeq(match[1], ",") {
			if value = strings.Trim(value, ` "`); value != "null" {
				values = append(values, value)
			}
		}
		slices.Sort(values)
		found[fmt.Sprint(values)] = true
	}
	return found
}

// What the option values says of a field is an enumeration of openapi.yaml.
func TestValuesAreThoseOfTheSpec(t *testing.T) {
	known := enums(t)
	count := 0
	fields(func(field protoreflect.FieldDescriptor) {
		values := slices.Clone(proto.GetExtension(field.Options(), owv1.E_Values).([]string))
		if len(values) == 0 {
			return
		}
		count++
		if slices.Sort(values); !known[fmt.Sprint(values)] {
			t.Errorf("%s has the values %v, which openapi.yaml has nowhere", field.FullName(), values)
		}
		if field.Kind() != protoreflect.StringKind {
			t.Errorf("%s has values and is no text", field.FullName())
		}
	})
	if count < 10 {
		t.Errorf("only %d fields have values", count)
	}
}

// Only a message or a time can be marked as always there: of others it says nothing.
func TestAlwaysIsSaidOfMessages(t *testing.T) {
	count := 0
	fields(func(field protoreflect.FieldDescriptor) {
		if !proto.GetExtension(field.Options(), owv1.E_Always).(bool) {
			return
		}
		count++
		if field.Kind() != protoreflect.MessageKind || field.IsList() {
			t.Errorf("%s is always there as it is", field.FullName())
		}
	})
	if count < 30 {
		t.Errorf("only %d fields are always there", count)
	}
}
