package rpc

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/problem"
)

// fitted is a body that the decoder takes. In it, the items that stand alone and
// do not fit are empty.
type fitted struct {
	body   []byte
	faults []itemFault
}

// itemFault is why an item of a list does not fit. Its field is relative to the
// item.
type itemFault struct {
	list  protoreflect.FieldDescriptor
	index int
	problem.FieldError
}

var workoutInputs = (&owv1.WorkoutInput{}).ProtoReflect().Descriptor().FullName()

// standsAlone reports whether the items of a list of a message stand alone: one
// that cannot be read fails nothing else. Its handler must look for the note in
// each.
func standsAlone(list protoreflect.FieldDescriptor) bool {
	return list.IsList() && list.Message() != nil && list.Message().FullName() == workoutInputs
}

// noteItems leaves a note in each item of the message that does not fit.
func (f fitted) noteItems(m protoreflect.Message) {
	for _, fault := range f.faults {
		note(m.Get(fault.list).List().Get(fault.index).Message().Interface(), fault.FieldError)
	}
}

// fitItems empties the items of an encoded message that stand alone and hold
// wrong text. It leaves a message that is malformed to the decoder.
func fitItems(data []byte, of protoreflect.MessageDescriptor) fitted {
	var edits edits
	var faults []itemFault
	index := 0 // there is one such list in a message
	for at := 0; at < len(data); {
		number, kind, n := protowire.ConsumeTag(data[at:])
		if n < 0 {
			break
		}
		at += n
		if n = protowire.ConsumeFieldValue(number, kind, data[at:]); n < 0 {
			break
		}
		if field := of.Fields().ByNumber(number); field != nil && kind == protowire.BytesType && standsAlone(field) {
			item, _ := protowire.ConsumeBytes(data[at:])
			if f := wrongText(item, field.Message()); f != nil {
				edits = append(edits, edit{at, at + n, "\x00"}) // of no bytes
				faults = append(faults, itemFault{field, index, *f})
			}
			index++
		}
		at += n
	}
	return fitted{edits.apply(data), faults}
}
