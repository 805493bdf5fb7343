package remote

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/openwearables/openwearables/internal/commandline"
)

const (
	maxColumns = 8  // of a table, unless some are named
	maxCell    = 60 // characters of a cell of a table, unless columns are named
)

// printer prints responses as the flags say.
type printer struct {
	format  string
	columns []string
}

func (p *printer) declare(c *cobra.Command) {
	c.Flags().StringVarP(&p.format, "output", "o", "table", "`format`, table or json")
	c.Flags().StringSliceVar(&p.columns, "columns", nil, "`names` of the columns of a table, with commas")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// check checks the flags for a response of the kind.
func (p *printer) check(response protoreflect.MessageDescriptor) error {
	for _, name := range p.columns {
		if known := columnsOf(response); len(known) > 0 && !slices.Contains(known, column(name)) {
			return commandline.UsageError(fmt.Sprintf("there is no column %q; there are %s", name, strings.Join(known, ", ")))
		}
	}
	if p.format != "table" && p.format != "json" {
		return commandline.UsageError(fmt.Sprintf("--output %q must be table or json", p.format))
	}
	return nil
}

// columnsOf returns the names of the columns that the lists of a response have.
func columnsOf(response protoreflect.MessageDescriptor) (names []string) {
	for i := range response.Fields().Len() {
		f := response.Fields().Get(i)
		switch {
		case f.Message() == nil || f.IsMap() || isTime(f):
		case !f.IsList():
			names = append(names, columnsOf(f.Message())...)
		default:
			for i := range f.Message().Fields().Len() {
				names = append(names, string(f.Message().Fields().Get(i).Name()))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// column returns the name of the member that a column is named for.
func column(name string) string { return strings.ReplaceAll(name, "-", "_") }

func (p *printer) print(w io.Writer, response protoreflect.Message) error {
	if p.format == "json" {
		text, err := asJSON(response, "  ")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", text)
		}
		return err
	}
	lists, err := p.members(w, response)
	for i, l := range lists {
		if err != nil {
			return err
		}
		if len(lists) > 1 || onlyList(response) == nil {
			fmt.Fprintf(w, "%s%s:\n", strings.Repeat("\n", min(i, 1)), l.name)
		}
		err = p.rows(w, l.items)
	}
	if err != nil {
		return err
	}
	return printSecrets(w, response)
}

// onlyList returns the list that is all that the message is about, with how to get more,
// or nil.
func onlyList(response protoreflect.Message) protoreflect.FieldDescriptor {
	fields := response.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); !f.IsList() && f.Message() != nil && f.Name() != "pagination" && f.Name() != "metadata" {
			return nil
		}
	}
	return itemsOf(response.Descriptor())
}

// rows prints a list as a table, without the columns that are empty.
func (p *printer) rows(to io.Writer, items protoreflect.List) error {
	if items.Len() == 0 {
		_, err := fmt.Fprintln(to, "none")
		return err
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	var all []protoreflect.Message
	for i := range items.Len() {
		all = append(all, items.Get(i).Message())
	}
	columns := p.choose(all[0].Descriptor(), all)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = strings.ToUpper(strings.ReplaceAll(string(c.Name()), "_", " "))
	}
	fmt.Fprintln(w, strings.Join(names, "\t"))
	for _, m := range all {
		fmt.Fprintln(w, strings.Join(p.cells(m, columns), "\t"))
	}
	return w.Flush()
}

// line prints one item in a line.
func (p *printer) line(w io.Writer, item protoreflect.Message) error {
	if p.format == "json" {
		text, err := asJSON(item, "")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", text)
		}
		return err
	}
	columns := p.choose(item.Descriptor(), []protoreflect.Message{item})
	_, err := fmt.Fprintln(w, strings.Join(p.cells(item, columns), "  "))
	return err
}

// choose returns the columns of a table: those that were named, else the first that are
// short and not empty everywhere.
func (p *printer) choose(of protoreflect.MessageDescriptor, items []protoreflect.Message) (columns []protoreflect.FieldDescriptor) {
	if len(p.columns) > 0 {
		for _, name := range p.columns {
			if f := of.Fields().ByName(protoreflect.Name(column(name))); f != nil {
				columns = append(columns, f)
			}
		}
		return columns
	}
	for i := range of.Fields().Len() {
		f := of.Fields().Get(i)
		if isJSON(f) || isSecret(f) || len(columns) == maxColumns {
			continue
		}
		if slices.ContainsFunc(items, func(m protoreflect.Message) bool { return shown(m, f) }) {
			columns = append(columns, f)
		}
	}
	return columns
}

func (p *printer) cells(m protoreflect.Message, columns []protoreflect.FieldDescriptor) []string {
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = text(m, c)
		if r := []rune(cells[i]); len(p.columns) == 0 && len(r) > maxCell && c.Kind() == protoreflect.StringKind && c.Name() != "message" {
			cells[i] = string(r[:maxCell-1]) + "…"
		}
	}
	return cells
}

// list is one of a response, to be printed after its other members.
type list struct {
	name  string
	items protoreflect.List
}

// members prints each member in a line, those of messages within as a.b, and returns the
// lists. Of a response that is one object the object is printed; of a list the list alone.
func (p *printer) members(to io.Writer, m protoreflect.Message) (lists []list, err error) {
	if items := onlyList(m); items != nil && len(listsOf(m)) == 1 {
		return []list{{string(items.Name()), m.Get(items).List()}}, nil
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	lists = p.within(w, "", m)
	return lists, w.Flush()
}

func listsOf(m protoreflect.Message) (all []protoreflect.FieldDescriptor) {
	for i := range m.Descriptor().Fields().Len() {
		if f := m.Descriptor().Fields().Get(i); f.IsList() && f.Message() != nil {
			all = append(all, f)
		}
	}
	return all
}

func (p *printer) within(w io.Writer, prefix string, m protoreflect.Message) (lists []list) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		name := prefix + string(f.Name())
		switch {
		case !shown(m, f) || isSecret(f):
		case f.IsList() && f.Message() != nil:
			lists = append(lists, list{name, m.Get(f).List()})
		case isJSON(f) && !f.IsMap():
			within := name + "."
			if prefix == "" && m.Descriptor().Fields().Len() <= 2 { // the object that the response is about
				within = ""
			}
			lists = append(lists, p.within(w, within, m.Get(f).Message())...)
		default:
			fmt.Fprintf(w, "%s\t%s\n", name, text(m, f))
		}
	}
	return lists
}

// shown reports whether the member says something: that it is false or 0 does.
func shown(m protoreflect.Message, f protoreflect.FieldDescriptor) bool {
	return m.Has(f) || !f.HasPresence() && !f.IsList() && !f.IsMap() && f.Kind() != protoreflect.StringKind
}

// printSecrets prints the secrets of a response, which are shown this once.
func printSecrets(w io.Writer, m protoreflect.Message) (err error) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case !m.Has(f) || err != nil:
		case isSecret(f):
			_, err = fmt.Fprintf(w, "\n%s, shown this once; keep it where you keep secrets:\n%s\n", f.Name(), commandline.Printable(m.Get(f).String()))
		case isJSON(f) && !f.IsList() && !f.IsMap():
			err = printSecrets(w, m.Get(f).Message())
		}
	}
	return err
}

// text returns a member on one line, without anything that a terminal would obey.
func text(m protoreflect.Message, f protoreflect.FieldDescriptor) string {
	switch {
	case !m.Has(f) && (f.HasPresence() || f.IsList()):
		return ""
	case isTime(f):
		t := m.Get(f).Message()
		seconds, nanos := t.Descriptor().Fields().ByName("seconds"), t.Descriptor().Fields().ByName("nanos")
		return time.Unix(t.Get(seconds).Int(), t.Get(nanos).Int()).UTC().Format(time.RFC3339)
	case f.IsList() && f.Message() == nil:
		parts := make([]string, m.Get(f).List().Len())
		for i := range parts {
			parts[i] = commandline.Printable(m.Get(f).List().Get(i).String())
		}
		return strings.Join(parts, ",")
	case isJSON(f):
		return jsonOf(m, f)
	default:
		return commandline.Printable(m.Get(f).String())
	}
}

// jsonOf returns a member that is a message, or many, as JSON.
func jsonOf(m protoreflect.Message, f protoreflect.FieldDescriptor) string {
	whole, err := asJSON(m, "")
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(whole, &members) != nil {
		return ""
	}
	return commandline.Printable(string(members[string(f.Name())]))
}
