package leak

import (
	"cmp"
	"slices"
	"sync"

	"github.com/openwearables/openwearables/internal/credential"
)

// The most findings and problems that a report holds; more are only counted.
// Code scanning of GitHub shows as many results.
const (
	maxFindings = 5000
	maxProblems = 100
)

// maxApplications is how many ids of applications a finding names.
const maxApplications = 4

// Finding is a secret in a file. It does not hold the secret.
type Finding struct {
	Kind         Kind     `json:"kind"`
	Name         string   `json:"name,omitempty"` // what the API shows of it: the key_prefix of a key, the session of a refresh token
	Fingerprint  string   `json:"fingerprint"`    // the same wherever the same secret stands
	Path         string   `json:"path"`           // "-" for standard input; in a repository's history relative to its root
	Line         int64    `json:"line"`
	Column       int64    `json:"column"` // in characters, from 1
	Encoding     Encoding `json:"encoding"`
	Applications []string `json:"applications,omitempty"` // ids in the same file as an application's secret
	Repository   string   `json:"repository,omitempty"`   // the path by which the history was scanned
	Commit       string   `json:"commit,omitempty"`       // the first that has the file with this secret; empty if none that is reachable has
	Object       string   `json:"object,omitempty"`       // the object of git that holds it
	length       int64    // in characters
}

// Problem is what could not be scanned.
type Problem struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Report is the result of a scan.
type Report struct {
	Findings []Finding `json:"findings"`
	Problems []Problem `json:"problems"`
	Summary  Summary   `json:"summary"`
}

// Summary counts what a scan saw. Found and NotScanned also count what the lists
// of the report have no room for.
type Summary struct {
	Found      int   `json:"found"`
	Allowed    int   `json:"allowed"` // left out, since the marker stands in the line
	Ended      int   `json:"ended"`   // left out, since its fingerprint was given
	NotScanned int   `json:"not_scanned"`
	Files      int   `json:"files"`
	Objects    int   `json:"objects"` // of git
	Bytes      int64 `json:"bytes"`
}

// recorder collects a report. It is safe for concurrent use.
type recorder struct {
	mu           sync.Mutex
	ended        []string
	repositories []string // whose history was scanned
	report       Report
}

// first reports whether the history of a repository was not scanned before.
func (r *recorder) first(repository string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := slices.Contains(r.repositories, repository)
	r.repositories = append(r.repositories, repository)
	return !known
}

func (r *recorder) problem(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Summary.NotScanned++
	if len(r.report.Problems) < maxProblems {
		r.report.Problems = append(r.report.Problems, Problem{credential.Redact(path), credential.Redact(err.Error())})
	}
}

// searched counts a file or an object of git.
func (r *recorder) searched(size int64, isObject bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Summary.Bytes += size
	if isObject {
		r.report.Summary.Objects++
	} else {
		r.report.Summary.Files++
	}
}

// found adds what one file has.
func (r *recorder) found(f *fileFindings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Summary.Allowed += f.allowed
	r.report.Summary.Found += f.more
	for _, finding := range f.list {
		if slices.Contains(r.ended, finding.Fingerprint) {
			r.report.Summary.Ended++
			continue
		}
		r.report.Summary.Found++
		if len(r.report.Findings) < maxFindings {
			r.report.Findings = append(r.report.Findings, finding)
		}
	}
}

// finish sorts the report and returns it.
func (r *recorder) finish() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Commit, b.Commit),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	slices.SortFunc(r.report.Problems, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return r.report
}

// fileFindings collects what one file, or one object of git, has.
type fileFindings struct {
	list          []Finding
	more, allowed int // beyond the list; left out
	applications  []string
}

func (f *fileFindings) add(p placed) {
	if p.prefix == credential.AppID {
		if len(f.applications) < maxApplications && !slices.Contains(f.applications, p.text) {
			f.applications = append(f.applications, p.text)
		}
		return
	}
	i := slices.IndexFunc(kinds[:], func(k secretKind) bool { return k.prefix == p.prefix })
	name, ok := kinds[i].publicName(p.text)
	switch {
	case !ok:
	case p.allowed:
		f.allowed++
	case len(f.list) == maxFindings:
		f.more++
	default:
		length := int64(p.end - p.start)
		if p.encoding == UTF16 {
			length = length/2 + 1
		}
		f.list = append(f.list, Finding{
			Kind: kinds[i].kind, Name: name, Fingerprint: fingerprint(p.text),
			Line: p.line + 1, Column: p.column(p.encoding), Encoding: p.encoding, length: length,
		})
	}
}

// end gives each finding its path, and to the secrets of applications their ids.
func (f *fileFindings) end(path string) {
	for i := range f.list {
		f.list[i].Path = credential.Redact(path)
		if f.list[i].Kind == ApplicationSecret {
			f.list[i].Applications = f.applications
		}
	}
}
