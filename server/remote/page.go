package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// watched are the operations whose newest items can be waited for.
var watched = []string{"ListAlerts", "ListAuditEvents"}

func (o operation) watchable() bool { return slices.Contains(watched, o.id()) }

// pages reports whether the operation returns a list in pages.
func (o operation) pages() bool {
	return o.method.Input().Fields().ByName("cursor") != nil && itemsOf(o.method.Output()) != nil
}

// itemsOf returns the member with the items of a list, nil if the message is none.
func itemsOf(response protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for i := range response.Fields().Len() {
		if f := response.Fields().Get(i); f.IsList() && f.Message() != nil {
			return f
		}
	}
	return nil
}

// nextCursor returns the cursor of the page after the response, "" for the last.
func nextCursor(response protoreflect.Message) string {
	fields := response.Descriptor().Fields()
	if f := fields.ByName("next_cursor"); f != nil {
		return response.Get(f).String()
	}
	if f := fields.ByName("pagination"); f != nil {
		return nextCursor(response.Get(f).Message())
	}
	return ""
}

// each calls f with the items of each page, until it returns false.
func (in *invocation) each(ctx context.Context, c *openwearables.Client, request *dynamicpb.Message, f func(protoreflect.List) bool) error {
	request = proto.Clone(request).(*dynamicpb.Message)
	cursors := map[string]bool{}
	for {
		response, err := in.call(ctx, c, request, "")
		if err != nil {
			return err
		}
		if !f(response.Get(itemsOf(response.Descriptor())).List()) {
			return nil
		}
		cursor := nextCursor(response)
		if cursor == "" {
			return nil
		}
		if cursors[cursor] {
			return errors.New("the server returned a cursor twice")
		}
		cursors[cursor] = true
		request.Set(in.method.Input().Fields().ByName("cursor"), protoreflect.ValueOfString(cursor))
	}
}

// printAll prints the items of all pages as one list.
func (in *invocation) printAll(ctx context.Context, c *openwearables.Client, request *dynamicpb.Message, w io.Writer) error {
	whole := dynamicpb.NewMessage(in.method.Output())
	all := whole.Mutable(itemsOf(in.method.Output())).List()
	more := false
	failed := in.each(ctx, c, request, func(items protoreflect.List) bool {
		for i := range items.Len() {
			if all.Len() == in.most {
				more = true
				return false
			}
			all.Append(items.Get(i))
		}
		return true
	})
	if failed != nil && all.Len() == 0 {
		return failed
	}
	if err := in.printer.print(w, whole); err != nil {
		return err
	}
	if more {
		return fmt.Errorf("there are more than %d: raise --max, or ask for fewer", in.most)
	}
	return failed
}

// watchNew prints the items of the newest page, and then each that is new or has changed
// its state, the oldest first, until ctx ends.
func (in *invocation) watchNew(ctx context.Context, c *openwearables.Client, request *dynamicpb.Message, w, notes io.Writer) error {
	seen, first, lost := newRecent(in.most), true, false
	for {
		var fresh []protoreflect.Message
		err := in.each(ctx, c, request, func(items protoreflect.List) bool {
			known := false
			for i := range items.Len() {
				if m := items.Get(i).Message(); seen.has(mark(m)) {
					known = true
				} else {
					fresh = append(fresh, m)
				}
			}
			return !known && !first && len(fresh) < in.most
		})
		switch {
		case canceled(ctx, err):
			return nil
		case err != nil && !passing(err):
			return err
		case err != nil && !lost:
			fmt.Fprintln(notes, "openwearables:", err)
		}
		if lost = err != nil; !lost {
			first = false
			for i := len(fresh) - 1; i >= 0; i-- {
				seen.add(mark(fresh[i]))
				if err := in.printer.line(w, fresh[i]); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(in.interval):
		}
	}
}

// passing reports whether a call may succeed later.
func passing(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && (f.status == statusUnreachable || f.status == statusLimited)
}

// mark returns what tells an item, with its state, from others.
func mark(item protoreflect.Message) string {
	text := ""
	for _, name := range []protoreflect.Name{"id", "state"} {
		if f := item.Descriptor().Fields().ByName(name); f != nil {
			text += item.Get(f).String() + " "
		}
	}
	return text
}

// recent remembers the last so many texts.
type recent struct {
	texts map[string]bool
	order []string
	most  int
}

func newRecent(most int) *recent { return &recent{texts: map[string]bool{}, most: most + 100} }

func (r *recent) has(text string) bool { return r.texts[text] }

func (r *recent) add(text string) {
	if len(r.order) == r.most {
		delete(r.texts, r.order[0])
		r.order = r.order[1:]
	}
	r.texts[text] = true
	r.order = append(r.order, text)
}

// asJSON returns the message as the REST API has its members, with what a terminal may
// obey as escapes.
func asJSON(m protoreflect.Message, indent string) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m.Interface())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson writes spaces at random
	if indent == "" {
		err = json.Compact(&out, text)
	} else {
		err = json.Indent(&out, text, "", indent)
	}
	return escape(out.Bytes()), err
}

// escape writes the characters of JSON that cannot be seen as escapes. They are within
// strings.
func escape(text []byte) []byte {
	hidden := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	if bytes.IndexFunc(text, hidden) < 0 {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		if !hidden(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}
