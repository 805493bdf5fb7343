package front

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/problem"
)

// lists holds the most items of each list in the message of an operation, as
// openapi.yaml has it. All of them are counted before a message is built.
type lists struct {
	rest    map[string]int // by the member of the REST body
	rpc     map[string]int // by the member of an RPC message in JSON, in both spellings
	encoded map[protowire.Number]encodedList
}

// encodedList is a list in an encoded message, where each item is a field.
type encodedList struct {
	name string
	most int
}

// listsOf returns the lists of the method's request.
func listsOf(method protoreflect.MethodDescriptor) lists {
	l := lists{make(map[string]int), make(map[string]int), make(map[protowire.Number]encodedList)}
	fields := method.Input().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		most, bounded := openapi.MaxItems[string(method.Name())+"."+f.TextName()]
		if !bounded {
			continue
		}
		l.rest[f.TextName()] = most
		l.rpc[f.TextName()], l.rpc[f.JSONName()] = most, most
		l.encoded[f.Number()] = encodedList{f.TextName(), most}
	}
	return l
}

// checkEncoded refuses an encoded message with a list that is too long, in the
// words of package jsonbody. It leaves a message that is malformed to the decoder.
func (l *lists) checkEncoded(message []byte) error {
	if len(l.encoded) == 0 {
		return nil
	}
	items := make(map[protowire.Number]int, len(l.encoded))
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeField(message)
		if n < 0 {
			return nil
		}
		message = message[n:]
		list, ok := l.encoded[number]
		if !ok || kind != protowire.BytesType {
			continue
		}
		if items[number]++; items[number] > list.most {
			return problem.InvalidError(problem.FieldError{Field: list.name, Message: fmt.Sprintf("must hold at most %d items", list.most)})
		}
	}
	return nil
}
