package operator

import (
	"context"
	"fmt"
	"io"

	"github.com/openwearables/openwearables/internal/leak"
)

// Scan says where to look for credentials that leaked.
type Scan struct {
	Paths   []string // files and folders; "-" is Stdin
	Stdin   io.Reader
	History bool     // also look into the history of the git repositories that the paths are in
	Ended   []string // fingerprints of credentials that no longer work
}

// Scanned counts what a scan found and what it could not scan.
type Scanned struct{ Found, NotScanned int }

// scanFormats write a report.
var scanFormats = map[string]func(leak.Report, io.Writer) error{
	"text": leak.Report.WriteText, "json": leak.Report.WriteJSON, "sarif": leak.Report.WriteSARIF,
}

// HasScanFormat reports whether FindLeaks knows the format.
func HasScanFormat(name string) bool {
	return scanFormats[name] != nil
}

// FindLeaks looks for credentials of any installation and writes a report to w,
// which holds no secret. It needs no installation.
func FindLeaks(ctx context.Context, w io.Writer, s Scan, format string) (Scanned, error) {
	r, err := leak.Scan(ctx, leak.Options(s))
	if err != nil {
		return Scanned{}, err
	}
	return Scanned{r.Summary.Found, r.Summary.NotScanned}, scanFormats[format](r, w)
}

// LeakRules returns the configuration with which another scanner, gitleaks or
// trufflehog, finds the same credentials by their form.
func LeakRules(scanner string) (string, error) {
	switch scanner {
	case "gitleaks":
		return leak.GitleaksRules(), nil
	case "trufflehog":
		return leak.TruffleHogDetectors(), nil
	default:
		return "", fmt.Errorf("there are no rules for %q: must be gitleaks or trufflehog", scanner)
	}
}
