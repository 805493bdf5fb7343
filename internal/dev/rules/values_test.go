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

// knownValues are the values of open sets, by the name of the set.
func knownValues() map[string][]string {
	sets := map[string][]string{}
	fields(func(field protoreflect.FieldDescriptor) {
		if known := proto.GetExtension(field.Options(), owv1.E_Known).(*owv1.KnownValues); known != nil {
			sets[known.GetName()] = known.GetValues()
		}
	})
	return sets
}

// What the option known says of a field is a list of openapi.yaml, sorted, without a value twice, and of
// words from which constants can be made.
func TestKnownValuesAreThoseOfTheSpec(t *testing.T) {
	text, err := os.ReadFile("../../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, match := range regexp.MustCompile(`x-extensible-enum: \[([^\]]+)\]`).FindAllStringSubmatch(string(text), -1) {
		listed[fmt.Sprint(strings.FieldsFunc(match[1], func(r rune) bool { return strings.ContainsRune(", \n", r) }))] = true
	}
	words := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	sets := knownValues()
	for name, values := range sets {
		if !listed[fmt.Sprint(values)] {
			t.Errorf("%s is %v, which openapi.yaml has nowhere", name, values)
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(values))); !slices.Equal(values, sorted) {
			t.Errorf("%s is not sorted, or has a value twice", name)
		}
		for _, value := range values {
			if !words.MatchString(value) {
				t.Errorf("%s: %q is not lower-case words", name, value)
			}
		}
	}
	if len(sets) != 2 || len(listed) != 2 {
		t.Errorf("%d sets in the protos, and %d in openapi.yaml", len(sets), len(listed))
	}
}

// What HealthKit calls an activity becomes a known type of workout, and the provider of it is known.
func TestHealthKitMapsToKnownTypes(t *testing.T) {
	const folder = "../../../clients/swift/Sources/OpenWearablesHealth/"
	sets := knownValues()
	for _, c := range []struct {
		file, pattern, set string
		least              int
	}{
		{"ActivityType.swift", `\d+: "([^"]*)"`, "WorkoutType", 84},
		{"Mapping.swift", `healthKitProvider = "([^"]*)"`, "WorkoutProvider", 1},
	} {
		text, err := os.ReadFile(folder + c.file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(c.pattern).FindAllStringSubmatch(string(text), -1)
		if len(found) < c.least {
			t.Errorf("%s has %d values only", c.file, len(found))
		}
		for _, match := range found {
			if !slices.Contains(sets[c.set], match[1]) {
				t.Errorf("%s: %q is no %s of the protos", c.file, match[1], c.set)
			}
		}
	}
}
