package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/server/operator"
)

const benchHelp = `
Measures an installation from here: a list of users, and reads of them over REST
and Connect, each for so many seconds or requests, whichever end first. It needs an
API key of the environment test with the scope users:read, in a file, and refuses a
live one. It changes nothing unless --make-users is given: then it makes users, with
the scope users:write, reads those, and deletes them, also when it is interrupted.

Once the installation answers 429, or 503 with Retry-After, no request is made
before the time that it names, and the table says how many were limited. For a
figure of the machine raise --limit-key of its serve.
`

func (p *program) bench() *cobra.Command {
	s := p.apartSettings("bench", "measure an installation: openwearables bench --url URL --key-file FILE", benchHelp)
	b, seconds := operator.Benchmark{Clients: 4, Requests: 300}, 5
	s.StringVar(&b.URL, "url", "", "`address` of the installation, such as https://api.example.com")
	s.StringVar(&b.KeyFile, "key-file", "", "`file` with an API key of the environment test, and nothing else")
	s.number(&seconds, "seconds", fmt.Sprintf("how long each kind of call is made, 1 to %d", operator.MaxBenchSeconds))
	s.number(&b.Clients, "clients", fmt.Sprintf("clients at once, 1 to %d", operator.MaxBenchClients))
	s.number(&b.Requests, "requests", fmt.Sprintf("requests of each kind, 1 to %d", operator.MaxBenchRequests))
	s.number(&b.Users, "make-users", fmt.Sprintf("users to make, to read and to delete again, 0 to %d; with 0 nothing is changed", operator.MaxBenchUsers))
	return s.command(func(ctx context.Context) error {
		if b.URL == "" || b.KeyFile == "" {
			return usageError("bench needs --url and --key-file; see openwearables bench --help")
		}
		for _, bound := range []struct {
			name            string
			value, from, to int
		}{
			{"seconds", seconds, 1, operator.MaxBenchSeconds},
			{"clients", b.Clients, 1, operator.MaxBenchClients},
			{"requests", b.Requests, 1, operator.MaxBenchRequests},
			{"make-users", b.Users, 0, operator.MaxBenchUsers},
		} {
			if bound.value < bound.from || bound.value > bound.to {
				return usageError(fmt.Sprintf("--%s %d must be %d to %d", bound.name, bound.value, bound.from, bound.to))
			}
		}
		b.For = time.Duration(seconds) * time.Second
		return operator.Bench(ctx, p.stdout, b)
	})
}
