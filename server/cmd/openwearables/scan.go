package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/server/operator"
)

const scanHelp = `
Each PATH is a file or a folder with all that is below; - is standard input. API
keys, application secrets and refresh tokens are found, also in UTF-16 and in
base64: by their form and checksum, so that nothing else is taken for one. No
secret is printed. Access tokens, passwords and master secrets carry no checksum
and are not found. Symbolic links are not followed, archives are not opened, and
names of files are not searched.

A line that holds "openwearables:allow" within 1 KiB of a credential leaves it
out; the summary counts it. The exit status is 0 if nothing was found, 1 if
something was, and 2 if nothing was but not everything could be scanned.
`

// fingerprintForm matches what scan prints as a fingerprint.
var fingerprintForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (p *program) scan() *cobra.Command {
	s := p.apartSettings("scan", "find credentials that were left in files or in the history of git: openwearables scan PATH...", scanHelp)
	in, format, rules := operator.Scan{Stdin: p.stdin}, "text", ""
	s.toggle(&in.History, "history", "also scan every object of the git repositories that the paths are in, whether a branch reaches it or not; needs git")
	s.StringVar(&format, "format", format, "`format` of the report: text, json or sarif (2.1.0)")
	s.Var((*texts)(&in.Ended), "ended", "comma-separated `fingerprints` of credentials that no longer work, to leave out: those of a history cannot be removed")
	s.StringVar(&rules, "rules", "", "print the rules for another `scanner`, gitleaks or trufflehog, and scan nothing")
	return s.commandOn("PATH...", func(ctx context.Context, paths []string) error {
		if rules != "" {
			return p.printRules(rules, paths)
		}
		if len(paths) == 0 {
			return usageError("scan needs a path; see openwearables scan --help")
		}
		if !operator.HasScanFormat(format) {
			return usageError(fmt.Sprintf("--format %q must be text, json or sarif", format))
		}
		for _, fingerprint := range in.Ended {
			if !fingerprintForm.MatchString(fingerprint) {
				return usageError("--ended takes fingerprints of 16 hexadecimal digits, as scan prints them, and no credentials")
			}
		}
		in.Paths = paths
		return p.report(operator.FindLeaks(ctx, p.stdout, in, format))
	})
}

// report returns the error for what a scan ended with.
func (p *program) report(scanned operator.Scanned, err error) error {
	switch {
	case err != nil:
		return incompleteError{err}
	case scanned.Found == 1:
		return errors.New("1 credential was found")
	case scanned.Found > 1:
		return fmt.Errorf("%d credentials were found", scanned.Found)
	case scanned.NotScanned > 0:
		return incompleteError{errors.New("nothing was found, but not everything could be scanned")}
	default:
		return nil
	}
}

// printRules prints the rules for another scanner.
func (p *program) printRules(scanner string, paths []string) error {
	text, err := operator.LeakRules(scanner)
	if err != nil {
		return usageError("--rules: " + err.Error())
	}
	if len(paths) > 0 {
		return usageError("--rules takes no path")
	}
	_, err = io.WriteString(p.stdout, text)
	return err
}
