// Package remote holds the commands that call a running installation over its API, each
// made from an operation of the contract when it is needed, so that none is missing.
package remote

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"unicode"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// operation is one of the contract. Its command is `api GROUP NAME`.
type operation struct {
	method      protoreflect.MethodDescriptor
	group, name string
}

// id returns the operationId.
func (o operation) id() string { return string(o.method.Name()) }

// options returns what the contract says of how it is called; a nil one says nothing.
func (o operation) options() *owv1.Operation {
	own, _ := proto.GetExtension(o.method.Options(), owv1.E_Operation).(*owv1.Operation)
	return own
}

// operations returns all of the contract, by group, in the order of the contract. Nobody
// may change the list.
var operations = sync.OnceValue(func() []operation {
	var all []operation
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			all = append(all, ofService(f.Services().Get(i))...)
		}
		return true
	})
	slices.SortStableFunc(all, func(a, b operation) int { return cmp.Compare(a.group, b.group) })
	return all
})

// named returns the operation with the id, which the contract has.
func named(id string) operation {
	i := slices.IndexFunc(operations(), func(o operation) bool { return o.id() == id })
	if i < 0 {
		panic("remote: there is no operation " + id)
	}
	return operations()[i]
}

func ofService(service protoreflect.ServiceDescriptor) []operation {
	noun := strings.TrimSuffix(string(service.Name()), "Service")
	all, taken := make([]operation, service.Methods().Len()), map[string]bool{}
	for i := range all {
		method := service.Methods().Get(i)
		name := verb(string(method.Name()), noun)
		if taken[name] { // the same for a list
			name += "-many"
		}
		taken[name] = true
		all[i] = operation{method, kebab(plural(noun)), name}
	}
	return all
}

// verb returns the name of a method without the noun that its group names: create of
// CreateKey, rotate-secret of RotateApplicationSecret.
func verb(method, noun string) string {
	name := kebab(method)
	if noun == "Token" {
		noun = "UserToken" // as its operations say
	}
	for _, form := range []string{kebab(plural(noun)), kebab(noun)} {
		if before, after, ok := strings.Cut(name+"-", "-"+form+"-"); ok {
			return strings.TrimSuffix(before+"-"+after, "-")
		}
	}
	return name
}

// uncounted are the nouns without a plural.
var uncounted = []string{"Audit", "Usage", "Setup", "Installation"}

func plural(noun string) string {
	switch stem, isY := strings.CutSuffix(noun, "y"); {
	case slices.Contains(uncounted, noun):
		return noun
	case isY && !strings.HasSuffix(noun, "ey"):
		return stem + "ies"
	default:
		return noun + "s"
	}
}

// kebab returns lower-case words with dashes between them.
func kebab(camel string) string {
	var b strings.Builder
	for i, r := range camel {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// level returns whether the operation is safe to repeat.
func (o operation) level() connect.IdempotencyLevel {
	own, _ := o.method.Options().(*descriptorpb.MethodOptions)
	switch own.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return connect.IdempotencyNoSideEffects
	case descriptorpb.MethodOptions_IDEMPOTENT:
		return connect.IdempotencyIdempotent
	default:
		return connect.IdempotencyUnknown
	}
}

// call makes the call with the client's credential, retries and bounds. Each attempt has
// the Idempotency-Key; without one, that is a random one where the contract wants one for
// each call.
func (o operation) call(ctx context.Context, c *openwearables.Client, request proto.Message, key string) (protoreflect.Message, error) {
	http, shared := c.Connect()
	url := c.BaseURL() + "/" + string(o.method.Parent().FullName()) + "/" + o.id()
	client := connect.NewClient[dynamicpb.Message, dynamicpb.Message](
		http, url, shared, connect.WithSchema(o.method), connect.WithIdempotency(o.level()),
		connect.WithResponseInitializer(func(_ connect.Spec, message any) error {
			if m, ok := message.(*dynamicpb.Message); ok {
				*m = *dynamicpb.NewMessage(o.method.Output())
			}
			return nil
		}))
	dynamic := dynamicpb.NewMessage(o.method.Input())
	proto.Merge(dynamic, request)
	req := connect.NewRequest(dynamic)
	if key != "" {
		req.Header().Set("Idempotency-Key", key)
	}
	res, err := client.CallUnary(ctx, req)
	if err != nil {
		return nil, callError(err)
	}
	return res.Msg, nil
}
