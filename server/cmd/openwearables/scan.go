package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"

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

func (p *program) scan(ctx context.Context, args []string) error {
	s := p.newSettings("scan", "find credentials that were left in files: openwearables scan PATH...")
	in, format, rules := operator.Scan{Stdin: p.stdin}, "text", ""
	s.toggle(&in.History, "history", "also scan every object of the git repositories that the paths are in, whether a branch reaches it or not; needs git")
	s.StringVar(&format, "format", format, "`format` of the report: text, json or sarif (2.1.0)")
	s.Var((*texts)(&in.Ended), "ended", "comma-separated `fingerprints` of credentials that no longer work, to leave out: those of a history cannot be removed")
	s.StringVar(&rules, "rules", "", "print the rules for another `scanner`, gitleaks or trufflehog, and scan nothing")
	var err error
	if in.Paths, err = s.parsePaths(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(s.stdout, "openwearables scan: %s\n\n", s.summary)
		s.printFlags()
		fmt.Fprint(s.stdout, scanHelp)
		return err
	} else if err != nil {
		return err
	}
	if rules != "" {
		return p.printRules(rules, in.Paths)
	}
	if len(in.Paths) == 0 {
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
	scanned, err := operator.FindLeaks(ctx, p.stdout, in, format)
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

// parsePaths reads flags and paths in any order, and after "--" paths alone. Other
// than parse it ignores variables, which concern an installation.
func (s *settings) parsePaths(args []string) (paths []string, err error) {
	for len(args) > 0 {
		if err := s.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, usageError(fmt.Sprintf("%v; see openwearables %s --help", err, s.Name()))
		}
		rest := s.Args()
		if read := len(args) - len(rest); read > 0 && args[read-1] == "--" {
			return append(paths, rest...), nil
		}
		if len(rest) == 0 {
			break
		}
		paths, args = append(paths, rest[0]), rest[1:]
	}
	return paths, nil
}
