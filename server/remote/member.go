package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

const (
	timeName = "google.protobuf.Timestamp"
	maskName = "google.protobuf.FieldMask"
)

// Bounds of what is read from files and standard input.
const (
	maxSecret  = 64 << 10
	maxRequest = 8 << 20
)

// member is a flag that sets a member of a request. It implements pflag.Value.
type member struct {
	field protoreflect.FieldDescriptor
	input *input
	given bool
	text  string
	value protoreflect.Value // invalid until it is known
}

// isSecret reports whether the member must not be on a command line.
func isSecret(field protoreflect.FieldDescriptor) bool {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}

// holdsSecret reports whether a message within the member has a secret.
func holdsSecret(field protoreflect.FieldDescriptor) bool {
	if field.Message() == nil {
		return false
	}
	for i := range field.Message().Fields().Len() {
		if f := field.Message().Fields().Get(i); isSecret(f) || f.Message() != field.Message() && holdsSecret(f) {
			return true
		}
	}
	return false
}

func isTime(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == timeName
}

// isJSON reports whether the member is given as JSON.
func isJSON(field protoreflect.FieldDescriptor) bool { return field.Message() != nil && !isTime(field) }

// name returns the name of the flag.
func (m *member) name() string {
	name := strings.ReplaceAll(string(m.field.Name()), "_", "-")
	if isSecret(m.field) {
		name += "-file"
	}
	return name
}

// values returns those that the contract names.
func (m *member) values() []string {
	if known, _ := proto.GetExtension(m.field.Options(), owv1.E_Known).(*owv1.KnownValues); known != nil {
		return known.GetValues()
	}
	values, _ := proto.GetExtension(m.field.Options(), owv1.E_Values).([]string)
	return values
}

// String implements pflag.Value.
func (m *member) String() string { return m.text }

// Type implements pflag.Value: it names the argument in the help.
func (m *member) Type() string {
	switch {
	case isSecret(m.field):
		return "file"
	case isTime(m.field):
		return "time"
	case isJSON(m.field):
		return "json"
	case m.field.IsList():
		return "list"
	case m.field.Kind() == protoreflect.BoolKind:
		return "bool"
	case m.field.Kind() == protoreflect.StringKind:
		return "text"
	default:
		return "number"
	}
}

// Set implements pflag.Value. A list is given at once or in parts. Files are read by read.
func (m *member) Set(text string) error {
	m.given = true
	if isSecret(m.field) || isJSON(m.field) {
		m.text = text
		return nil
	}
	value, err := m.parse(text)
	if err != nil {
		return err
	}
	if m.field.IsList() && !isJSON(m.field) && m.value.IsValid() {
		for i := range value.List().Len() {
			m.value.List().Append(value.List().Get(i))
		}
		return nil
	}
	m.text, m.value = text, value
	return nil
}

// read reads what a file holds, for the members that are given so.
func (m *member) read() (err error) {
	if m.given && !m.value.IsValid() {
		if m.value, err = m.parse(m.text); err != nil {
			err = fmt.Errorf("--%s: %w", m.name(), err)
		}
	}
	return err
}

func (m *member) parse(text string) (protoreflect.Value, error) {
	none := protoreflect.Value{}
	switch {
	case isSecret(m.field):
		secret, err := m.input.secret(text)
		return protoreflect.ValueOfString(secret), err
	case isTime(m.field):
		t, err := parseTime(text, time.Now())
		return protoreflect.ValueOfMessage(timestamppb.New(t).ProtoReflect()), err
	case isJSON(m.field):
		return m.parseJSON(text)
	case m.field.IsList():
		list := dynamicpb.NewMessage(m.field.ContainingMessage()).NewField(m.field)
		for item := range strings.SplitSeq(text, ",") {
			value, err := parseScalar(m.field.Kind(), strings.TrimSpace(item))
			if err != nil {
				return none, err
			}
			list.List().Append(value)
		}
		return list, nil
	default:
		return parseScalar(m.field.Kind(), text)
	}
}

// parseJSON reads a member as the REST API has it: from the text, or from the file that
// the text names after an @.
func (m *member) parseJSON(text string) (protoreflect.Value, error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile && holdsSecret(m.field) {
		return protoreflect.Value{}, errors.New("it holds secrets, which every process can read here: give @FILE, or @- for standard input")
	}
	data := []byte(text)
	if isFile {
		var err error
		if data, err = m.input.read(path, maxRequest); err != nil {
			return protoreflect.Value{}, err
		}
	}
	whole := dynamicpb.NewMessage(m.field.ContainingMessage())
	object, err := json.Marshal(map[string]json.RawMessage{string(m.field.Name()): data})
	if err == nil {
		err = protojson.Unmarshal(object, whole)
	}
	if err != nil {
		return protoreflect.Value{}, errors.New("must be JSON as in the reference of the API, or @FILE with it")
	}
	return whole.Get(m.field), nil
}

func parseScalar(kind protoreflect.Kind, text string) (protoreflect.Value, error) {
	switch kind {
	case protoreflect.BoolKind:
		v, err := strconv.ParseBool(text)
		return protoreflect.ValueOfBool(v), must(err, "true or false")
	case protoreflect.Int32Kind:
		v, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(v)), must(err, "a whole number")
	case protoreflect.Int64Kind:
		v, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(v), must(err, "a whole number")
	case protoreflect.DoubleKind:
		v, err := strconv.ParseFloat(text, 64)
		if math.IsInf(v, 0) || math.IsNaN(v) {
			err = strconv.ErrRange
		}
		return protoreflect.ValueOfFloat64(v), must(err, "a number")
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), nil
	default:
		return protoreflect.Value{}, fmt.Errorf("has a type, %v, that no flag takes: give it by --request", kind)
	}
}

func must(err error, what string) error {
	if err != nil {
		return errors.New("must be " + what)
	}
	return nil
}

// parseTime reads a time, a day in UTC, or how long from now.
func parseTime(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		if d, err := time.ParseDuration(text); err == nil {
			return now.Add(d), nil
		}
	}
	return time.Time{}, errors.New("must be a time such as 2026-03-01T08:00:00Z, a day such as 2026-03-01, or from now on such as +720h or -24h")
}

// input is where secrets and requests are read from. Standard input is read once.
type input struct {
	stdin io.Reader
	used  bool
}

// read returns the content of a file, of standard input for "-".
func (i *input) read(path string, limit int64) ([]byte, error) {
	from := i.stdin
	if path == "-" {
		if i.used {
			return nil, errors.New("standard input is given to another flag already")
		}
		i.used = true
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, err
}

// secret returns what a file holds, without the end of its line.
func (i *input) secret(path string) (string, error) {
	data, err := i.read(path, maxSecret)
	text := strings.TrimPrefix(strings.TrimRight(string(data), "\r\n"), "\uFEFF")
	if err == nil && text == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	return text, err
}
