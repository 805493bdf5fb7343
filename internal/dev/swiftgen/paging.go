package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// paging describes how the pages of a method are linked.
type paging struct {
	cursor  string // the property of the request
	next    string // the path in the response
	items   string // the property of the response
	element string
}

// pagingOf returns the paging of a method, nil if it does not return pages. A method
// returns pages if its request has a string cursor or page_token, and its response has
// exactly one list and, itself or in one of its messages, a next_cursor or
// next_page_token.
func (f *file) pagingOf(m *protogen.Method) (*paging, error) {
	for _, name := range []protoreflect.Name{"cursor", "page_token"} {
		cursor := stringField(m.Input, name)
		next, err := f.nextPath(m.Output, "next_"+name)
		if err != nil {
			return nil, err
		}
		items := onlyList(m.Output)
		if cursor == nil || next == "" || items == nil {
			continue
		}
		element, err := f.names.elementType(items)
		if err != nil {
			return nil, err
		}
		return &paging{
			quoted(propertyName(cursor.Desc.Name())), next, quoted(propertyName(items.Desc.Name())), element,
		}, nil
	}
	return nil, nil
}

// pagedSequence writes the method that iterates over all pages: listAllUsers for
// listUsers.
func (f *file) pagedSequence(m method, parameter string) {
	name := m.name + "All"
	if rest, ok := strings.CutPrefix(m.name, "list"); ok {
		name = "listAll" + rest
	}
	f.documentation(fmt.Sprintf("The items that ``%s`` returns, starting with the page of the request. "+
		"Each page is fetched when it is needed.", m.name))
	parameters := "_ request: " + parameter + ", options: CallOptions = CallOptions()"
	if 2*f.depth+2+len(parameters) > lineLength {
		parameters = strings.Replace(parameters, ", options", ",\noptions", 1)
	}
	f.line("%s", onUse)
	f.line("public func %s(", name)
	for line := range strings.SplitSeq(parameters, "\n") {
		f.line("  %s", line)
	}
	f.block(") -> PagedSequence<"+m.pages.element+">", func() {
		f.call("transport.base.pages(", "Method."+quoted(m.name), "request", "options: options", `cursor: \.`+m.pages.cursor, `items: \.`+m.pages.items,
			`next: \`+m.output+"."+m.pages.next)
	})
}

func stringField(message *protogen.Message, name protoreflect.Name) *protogen.Field {
	for _, field := range message.Fields {
		if field.Desc.Name() == name && field.Desc.Kind() == protoreflect.StringKind && !field.Desc.IsList() {
			return field
		}
	}
	return nil
}

// nextPath returns the path to the cursor of the next page; empty if there is none.
func (f *file) nextPath(message *protogen.Message, name protoreflect.Name) (string, error) {
	if field := stringField(message, name); field != nil {
		return propertyName(name), nil
	}
	for _, field := range message.Fields {
		if field.Message != nil && !field.Desc.IsList() && !field.Desc.IsMap() && stringField(field.Message, name) != nil {
			optional := "?"
			if always, err := f.names.options.isAlways(field); err != nil {
				return "", err
			} else if always {
				optional = ""
			}
			return quoted(propertyName(field.Desc.Name())) + optional + "." + propertyName(name), nil
		}
	}
	return "", nil
}

func onlyList(message *protogen.Message) *protogen.Field {
	var list *protogen.Field
	for _, field := range message.Fields {
		if field.Desc.IsList() {
			if list != nil {
				return nil
			}
			list = field
		}
	}
	return list
}
