package leak

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// WriteJSON writes the report as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	return writeJSON(w, r)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// WriteText writes the report for a reader: a line for each finding, then what to
// do about it, then what was seen.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s\n", f.place(), f.title())
	}
	if more := r.Summary.Found - len(r.Findings); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	for i := range kinds {
		if r.has(kinds[i].kind) {
			fmt.Fprintf(&b, "\n%s\n    %s\n", kinds[i].title, kinds[i].advice)
		}
	}
	if len(r.Findings) > 0 {
		fmt.Fprint(&b, "\nEnd the credential first: who has a copy can use it although it is removed from the file or the history.\n"+
			"Whoever holds it can, without another credential: POST /api/v1/credentials/report {\"credential\": \"...\"}.\n\n")
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "not scanned: %s: %s\n", shown(p.Path), shown(p.Message))
	}
	if more := r.Summary.NotScanned - len(r.Problems); more > 0 {
		fmt.Fprintf(&b, "not scanned: %d more\n", more)
	}
	fmt.Fprintln(&b, r.Summary)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Report) has(k Kind) bool {
	for _, f := range r.Findings {
		if f.Kind == k {
			return true
		}
	}
	return false
}

// String returns the summary in one line.
func (s Summary) String() string {
	text := fmt.Sprintf("%s in %s", count(s.Found, "credential"), count(s.Files, "file"))
	if s.Objects > 0 {
		text += " and " + count(s.Objects, "object") + " of git"
	}
	text += fmt.Sprintf(", %.1f MB", float64(s.Bytes)/1e6)
	if s.Allowed > 0 {
		text += fmt.Sprintf("; %d left out by %s", s.Allowed, AllowMarker)
	}
	if s.Ended > 0 {
		text += fmt.Sprintf("; %d left out by --ended", s.Ended)
	}
	if s.NotScanned > 0 {
		text += fmt.Sprintf("; %d not scanned", s.NotScanned)
	}
	return text
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// place says where the finding is.
func (f Finding) place() string {
	at := fmt.Sprintf("%s:%d:%d", shown(f.Path), f.Line, f.Column)
	switch {
	case f.Object == "":
		return at
	case f.Path == "" && f.Commit != "":
		return fmt.Sprintf("%s: message of commit %s", shown(f.Repository), f.Commit)
	case f.Path == "":
		return fmt.Sprintf("%s: object %s, which no commit has as a file", shown(f.Repository), f.Object)
	default:
		return fmt.Sprintf("%s: commit %s: %s", shown(f.Repository), f.Commit, at)
	}
}

// title says what the finding is.
func (f Finding) title() string {
	text := kindOf(f.Kind).title
	switch {
	case f.Kind == RefreshToken:
		text += " of session " + f.Name
	case f.Name != "":
		text += " " + f.Name
	}
	if f.Encoding != Plain {
		text += " in " + string(f.Encoding)
	}
	if len(f.Applications) > 0 {
		text += ", beside " + strings.Join(f.Applications, " ")
	}
	return text + ", fingerprint " + f.Fingerprint
}

// shown returns a path or a message, quoted if it could confuse a terminal.
func shown(s string) string {
	if strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }) {
		return strconv.Quote(s)
	}
	return s
}
