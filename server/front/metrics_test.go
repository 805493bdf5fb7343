package front

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

func counting(operation string) (*metrics, *call.Call) {
	m := newMetrics(func() int64 { return 0 }, nil)
	c := &call.Call{Status: http.StatusOK, Counted: m.operation(operation)}
	c.Operation = operation
	return m, c
}

func TestMetricsAllocateNothing(t *testing.T) {
	m, c := counting("GetUser")
	refused := *c
	refused.Status, refused.Failure = 404, &problem.Error{Reason: "not_found"}
	for name, c := range map[string]*call.Call{"answer": c, "refusal": &refused} {
		m.observe(c, 0)
		if n := testing.AllocsPerRun(1000, func() { m.begin(); m.observe(c, time.Millisecond) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Whatever a caller sends, the labels have a bounded number of values.
func TestMetricsAreBounded(t *testing.T) {
	m, _ := counting("GetUser")
	for status := -1; status < 1000; status++ {
		m.observe(&call.Call{Status: status, Failure: &problem.Error{Reason: strings.Repeat("x", status+1)}}, 0)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if n := len(f.GetMetric()); strings.HasPrefix(f.GetName(), "openwearables_") && n > max(len(statuses), len(reasons))+1 {
			t.Errorf("%s has %d series", f.GetName(), n)
		}
	}
}

// The code names its reasons in literals.
var reasonLiteral = regexp.MustCompile(`(?:Reason: *|Reason, e\.Detail = |reason\w+ = )"([a-z0-9_]+)"|(?:unauthenticated|badRequest)\("([a-z0-9_]+)"`)

func TestReasonsAreKnown(t *testing.T) {
	used := map[string]bool{}
	for _, folder := range []string{"../../internal", "../../server"} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/internal/dev/") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range reasonLiteral.FindAllStringSubmatch(string(text), -1) {
				used[found[1]+found[2]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(used) < 20 {
		t.Fatalf("only %d reasons found", len(used))
	}
	for reason := range used {
		if !slices.Contains(reasons, reason) {
			t.Errorf("the metrics do not know the reason %s", reason)
		}
	}
	for _, reason := range reasons {
		if !used[reason] {
			t.Errorf("nothing is refused with the reason %s any more", reason)
		}
	}
}

// TestGuideOfErrorsNamesEveryReason checks that the page of errors has a row for each
// reason, and for no other.
func TestGuideOfErrorsNamesEveryReason(t *testing.T) {
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z0-9_`, ]+`) \\| \\d{3}").FindAllStringSubmatch(string(page), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			named = append(named, strings.Trim(name, "`"))
		}
	}
	slices.Sort(named)
	if want := slices.Sorted(slices.Values(reasons)); !slices.Equal(named, want) {
		t.Errorf("server/docs/errors.md has the reasons\n%q, want\n%q", named, want)
	}
}

// BenchmarkMetrics measures what counting a request costs it.
func BenchmarkMetrics(b *testing.B) {
	m, c := counting("GetUser")
	b.ReportAllocs()
	for b.Loop() {
		m.begin()
		m.observe(c, time.Millisecond)
	}
}
