package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// bashCompletion asks the program itself, so that it fits whichever is installed.
const bashCompletion = `_openwearables() {
	local words
	words=$("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
	COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _openwearables openwearables
`

// completion prints what makes a shell complete commands and flags.
func (p *program) completion(_ context.Context, args []string) error {
	if !slices.Equal(args, []string{"bash"}) {
		return usageError("completion takes the name of the shell, bash: source <(openwearables completion bash)")
	}
	_, err := fmt.Fprint(p.stdout, bashCompletion)
	return err
}

// complete prints what may follow the words: for the completion of a shell.
func (p *program) complete(ctx context.Context, words []string) error {
	_, err := fmt.Fprintln(p.stdout, strings.Join(p.candidates(ctx, words), "\n"))
	return err
}

// flagLine matches the line of a flag in the help of a command.
var flagLine = regexp.MustCompile(`(?m)^  (--\S+)`)

// candidates returns the words of commands that may follow, or else the flags of the
// command that was named.
func (p *program) candidates(ctx context.Context, words []string) (all []string) {
	for name := range p.commands() {
		named := strings.Fields(name)
		if len(named) > len(words) && slices.Equal(named[:len(words)], words) && name != "complete" {
			all = append(all, named[len(words)])
		}
	}
	if len(all) > 0 {
		slices.Sort(all)
		return slices.Compact(all)
	}
	command, name := p.command(words)
	if command == nil {
		return nil
	}
	var help bytes.Buffer
	asked := program{args: append(strings.Fields(name), "--help"), stdin: p.stdin, stdout: &help, stderr: &help}
	asked.run(ctx)
	found := map[string]bool{}
	for _, m := range flagLine.FindAllStringSubmatch(help.String(), -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}
