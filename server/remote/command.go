package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/commandline"
)

// Commands makes the commands of one run of the program.
type Commands struct {
	Environ []string
	Stdin   io.Reader
}

const aboutRemote = `
A time is 2026-03-01T08:00:00Z, 2026-03-01, or from now on, +720h or -24h. A list has
commas. JSON is as in the reference of the API, or @FILE with it, @- for standard input.
The exit status is 0, 1 for what the server refused, 2 for wrong arguments, 3 if nobody
is signed in, 4 if the server does not answer, and 5 if a rate limit is exhausted.
`

// invocation is one call of an operation, as the flags say.
type invocation struct {
	operation
	members  []*member
	access   *access
	printer  printer
	input    *input
	request  string // file with the request
	clear    []string
	key      string // Idempotency-Key
	all      bool
	most     int
	watch    bool
	interval time.Duration
}

// operationCommand returns the command of an operation. Its arguments are the members
// with these names.
func (r *Commands) operationCommand(o operation, use, summary string, arguments ...string) *cobra.Command {
	in := &invocation{operation: o, access: r.access(), input: &input{stdin: r.Stdin}, most: 10_000, interval: 5 * time.Second}
	form := use
	for _, name := range arguments {
		form += " " + strings.ToUpper(strings.ReplaceAll(name, "_", "-"))
	}
	c := &cobra.Command{Use: form, Short: summary, DisableFlagsInUseLine: true, ValidArgsFunction: cobra.NoFileCompletions}
	in.declare(c, arguments)
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > len(arguments) {
			return commandline.NoArguments(c, args[len(arguments):])
		}
		if len(args) < len(arguments) {
			return commandline.UsageError("say which " + arguments[len(args)] + "; see " + c.CommandPath() + " --help")
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		for i, name := range arguments {
			if err := in.member(name).Set(args[i]); err != nil {
				return commandline.UsageError(name + " " + err.Error())
			}
		}
		return in.run(c)
	}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { in.help(c) })
	return c
}

// declare adds the flags of the operation, but for its arguments.
func (in *invocation) declare(c *cobra.Command, arguments []string) {
	flags := c.Flags()
	fields := in.method.Input().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Message() != nil && field.Message().FullName() == maskName {
			flags.StringSliceVar(&in.clear, "clear", nil, "")
			continue
		}
		m := &member{field: field, input: in.input}
		in.members = append(in.members, m)
		if slices.Contains(arguments, string(field.Name())) {
			continue
		}
		f := flags.VarPF(m, m.name(), "", "")
		if m.Type() == "bool" {
			f.NoOptDefVal = "true"
		}
		if values := m.values(); len(values) > 0 {
			_ = c.RegisterFlagCompletionFunc(m.name(), cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		} else if m.Type() != "file" && m.Type() != "json" {
			_ = c.RegisterFlagCompletionFunc(m.name(), cobra.NoFileCompletions)
		}
	}
	in.access.declare(c)
	in.printer.declare(c)
	if len(in.members) > 0 {
		flags.StringVar(&in.request, "request", "", "`file` with the request as JSON, - for standard input; flags win over it")
	}
	switch in.options().GetIdempotencyKey() {
	case owv1.Operation_IDEMPOTENCY_KEY_PER_CALL:
		flags.StringVar(&in.key, "idempotency-key", "", "`key` of your own, with which a repeated call is done once; each call has a random one by default")
	case owv1.Operation_IDEMPOTENCY_KEY_PER_CREDENTIAL: // a random one would be lost with the answer, and end the session of a second try
		flags.StringVar(&in.key, "idempotency-key", "", "`key` of your own for this credential, with which a repeated call returns the same; none by default, and then nothing is repeated")
	}
	if in.pages() {
		flags.BoolVar(&in.all, "all", false, "follow all pages")
		flags.IntVar(&in.most, "max", in.most, "with --all and --watch: `items` of which more are an error, 1 to 1000000")
	}
	if in.watchable() {
		flags.BoolVar(&in.watch, "watch", false, "go on, and print what is new in a line each, until it is interrupted")
		flags.DurationVar(&in.interval, "interval", in.interval, "with --watch: how often to ask, 1s to 1h")
	}
}

// member returns that with the name.
func (in *invocation) member(name string) *member {
	for _, m := range in.members {
		if string(m.field.Name()) == name {
			return m
		}
	}
	panic("remote: " + in.id() + " has no member " + name)
}

// run makes the call and prints its response.
func (in *invocation) run(c *cobra.Command) error {
	ctx := c.Context()
	if err := in.check(); err != nil {
		return err
	}
	request, err := in.build()
	if err != nil {
		return err
	}
	client, err := in.access.client()
	if err != nil {
		return err
	}
	switch {
	case in.watch:
		return in.watchNew(ctx, client, request, c.OutOrStdout(), c.ErrOrStderr())
	case in.all:
		return in.printAll(ctx, client, request, c.OutOrStdout())
	}
	response, err := in.call(ctx, client, request, in.key)
	if err != nil {
		return err
	}
	return in.printer.print(c.OutOrStdout(), response)
}

func (in *invocation) check() error {
	switch {
	case in.most < 1 || in.most > 1_000_000:
		return commandline.UsageError("--max must be 1 to 1000000")
	case in.interval < time.Second || in.interval > time.Hour:
		return commandline.UsageError("--interval must be 1s to 1h")
	case in.watch && in.all:
		return commandline.UsageError("give --watch or --all")
	case len(in.key) > 255 || strings.ContainsFunc(in.key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return commandline.UsageError("--idempotency-key must be 1 to 255 visible ASCII characters")
	}
	return in.printer.check(in.method.Output())
}

// build returns the request that the flags describe.
func (in *invocation) build() (*dynamicpb.Message, error) {
	request := dynamicpb.NewMessage(in.method.Input())
	if in.request != "" {
		data, err := in.input.read(in.request, maxRequest)
		if err == nil {
			err = protojson.Unmarshal(data, request)
		}
		if err != nil {
			return nil, commandline.UsageError("--request: " + err.Error())
		}
	}
	var named []protoreflect.FieldDescriptor
	for _, m := range in.members {
		if err := m.read(); err != nil {
			return nil, commandline.UsageError(err.Error())
		}
		if m.given {
			request.Set(m.field, m.value)
			named = append(named, m.field)
		}
	}
	if len(in.clear) == 0 {
		return request, nil
	}
	mask, paths := in.mask(named)
	request.Set(mask, paths)
	return request, nil
}

// mask returns the field mask of the request that names what was given and what is to be
// cleared.
func (in *invocation) mask(given []protoreflect.FieldDescriptor) (protoreflect.FieldDescriptor, protoreflect.Value) {
	field := in.method.Input().Fields().ByName("update_mask")
	mask := dynamicpb.NewMessage(field.Message())
	paths := mask.Mutable(field.Message().Fields().ByName("paths")).List()
	for _, name := range in.clear {
		paths.Append(protoreflect.ValueOfString(strings.ReplaceAll(name, "-", "_")))
	}
	for _, f := range given {
		if f.HasPresence() || f.IsList() { // the others say which object
			paths.Append(protoreflect.ValueOfString(string(f.Name())))
		}
	}
	return field, protoreflect.ValueOfMessage(mask)
}

// help prints what the contract says of the operation.
func (in *invocation) help(c *cobra.Command) {
	w := c.OutOrStdout()
	document := documentOf(in.id())
	summary := c.Short
	if summary == "" {
		summary = document.summary
	}
	name := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
	fmt.Fprintf(w, "openwearables %s: %s\n", strings.TrimSpace(name+strings.TrimPrefix(c.Use, c.Name())), summary)
	if document.description != "" {
		fmt.Fprintf(w, "\n%s\n", document.description)
	}
	fmt.Fprintln(w)
	flags := c.Flags()
	flags.VisitAll(func(f *pflag.Flag) {
		switch m, ok := f.Value.(*member); {
		case ok:
			f.Usage = m.usage(document)
		case f.Name == "clear":
			f.Usage = "`names` of what to clear, with commas"
		}
	})
	commandline.PrintFlags(w, flags, func(*pflag.Flag) string { return "" })
	fmt.Fprint(w, aboutRemote)
}

// usage says what the flag takes.
func (m *member) usage(d document) string {
	text := d.members[string(m.field.Name())]
	if isSecret(m.field) {
		text = strings.TrimSpace("a file with it, - for standard input. " + text)
	}
	if values := m.values(); len(values) > 0 && len(values) <= 10 && !strings.Contains(text, values[0]) {
		text = strings.TrimSpace(text + " One of " + strings.Join(values, ", ") + ".")
	}
	return text
}

// canceled reports whether the person ended the command.
func canceled(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
