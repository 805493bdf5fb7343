package scenario_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what the test reads of server/grafana.json.
type dashboard struct {
	ID            *int   `json:"id"`
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name, Type string
			Query      any
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID          int
		Type, Title string
		Datasource  struct{ Type, UID string }
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct {
			Datasource         struct{ Type, UID string }
			Expr, LegendFormat string
		}
	} `json:"panels"`
}

const chosenSource = "${datasource}"

// The parts of an expression, in the order in which names takes them out.
var (
	promGrouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	promText     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	promSelector = regexp.MustCompile(`([a-z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}`)
	promRange    = regexp.MustCompile(`\[[^\]]*\]`)
	promName     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*(\s*\()?`)
	legendLabel  = regexp.MustCompile(`\{\{\s*([^}\s]+)\s*\}\}`)
	promKeywords = []string{"and", "or", "unless", "bool", "offset", "inf", "nan"}
)

// promNames returns the metrics of an expression, each with the labels that it is selected by, and
// the labels by which the expression groups. It reads the simple expressions of a dashboard, not
// all of PromQL.
func promNames(expression string) (metrics map[string][]string, groups []string) {
	metrics = map[string][]string{}
	labels := func(list string) (all []string) {
		for part := range strings.SplitSeq(list, ",") {
			if name := strings.TrimSpace(strings.TrimRight(strings.SplitN(part, "=", 2)[0], "!")); name != "" {
				all = append(all, name)
			}
		}
		return all
	}
	rest := promText.ReplaceAllString(expression, "")
	for _, found := range promGrouping.FindAllStringSubmatch(rest, -1) {
		groups = append(groups, labels(found[1])...)
	}
	rest = promGrouping.ReplaceAllString(rest, "")
	for _, found := range promSelector.FindAllStringSubmatch(rest, -1) {
		metrics[found[1]] = append(metrics[found[1]], labels(strings.ReplaceAll(found[2], "~", ""))...)
	}
	rest = promRange.ReplaceAllString(promSelector.ReplaceAllString(rest, ""), "")
	for _, found := range promName.FindAllString(rest, -1) {
		if !strings.HasSuffix(found, "(") && !slices.Contains(promKeywords, strings.ToLower(found)) {
			metrics[found] = nil
		}
	}
	return metrics, groups
}

func TestNamesInPromQL(t *testing.T) {
	metrics, groups := promNames(`histogram_quantile(.99, sum by (le, job) (rate(a_bucket{instance=~"x{y}",b!="c,d"}[5m]))) / on (z) sum(e) > bool 0 or f`)
	want := map[string][]string{"a_bucket": {"instance", "b"}, "e": nil, "f": nil}
	if !maps.EqualFunc(metrics, want, slices.Equal) || !slices.Equal(groups, []string{"le", "job", "z"}) {
		t.Errorf("%v by %v", metrics, groups)
	}
}

// sampleLabels returns the labels of each time series of a scrape, by the name of the series.
func sampleLabels(text string) map[string][]string {
	found := map[string][]string{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if sample := sampleLine.FindStringSubmatch(s.Text()); sample != nil {
			for _, label := range labelName.FindAllStringSubmatch(sample[2], -1) {
				found[sample[1]] = append(found[sample[1]], label[1])
			}
			found[sample[1]] = append(found[sample[1]], "instance") // Prometheus adds it
		}
	}
	return found
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("../grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"/home/", "/root/", "/tmp/", "localhost", "127.0.0.1"} {
		if strings.Contains(string(text), foreign) {
			t.Errorf("the dashboard holds %s", foreign)
		}
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboardFitsTheMetrics checks that each metric and label that the dashboard asks for is
// told by real nodes, and that it shows each of our metrics.
func TestDashboardFitsTheMetrics(t *testing.T) {
	d := readDashboard(t)
	told := sampleLabels(allMetrics(t))
	shown := map[string]bool{}
	for _, p := range d.Panels {
		if p.Type != "row" && (p.Datasource.UID != chosenSource || len(p.Targets) == 0) {
			t.Errorf("%s: its source is %q, it has %d targets", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != chosenSource {
				t.Errorf("%s: the source of a target is %q", p.Title, target.Datasource.UID)
			}
			metrics, groups := promNames(target.Expr)
			if len(metrics) == 0 {
				t.Errorf("%s: no metric in %s", p.Title, target.Expr)
			}
			for _, label := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(groups, label[1]) {
					t.Errorf("%s: the legend names %s, by which nothing is grouped", p.Title, label[1])
				}
			}
			for name, labels := range metrics {
				has, ok := told[name]
				if !ok {
					t.Errorf("%s: no node tells %s", p.Title, name)
				}
				for _, label := range append(labels, groups...) {
					if !slices.Contains(has, label) {
						t.Errorf("%s: %s has no label %s", p.Title, name, label)
					}
				}
				shown[familyEnd.ReplaceAllString(name, "")] = true
			}
		}
	}
	for name := range told {
		if strings.HasPrefix(name, "openwearables_") && !shown[familyEnd.ReplaceAllString(name, "")] && name != "openwearables_authentication_cache_entries" {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

// TestDashboardLoads checks what Grafana needs to import the file as it is.
func TestDashboardLoads(t *testing.T) {
	d := readDashboard(t)
	if d.ID != nil || d.UID == "" || d.SchemaVersion < 39 || len(d.Panels) < 20 {
		t.Errorf("id %v, uid %q, schema %d, %d panels", d.ID, d.UID, d.SchemaVersion, len(d.Panels))
	}
	if v := d.Templating.List; len(v) == 0 || path.Join(v[0].Name, v[0].Type) != "datasource/datasource" || v[0].Query != "prometheus" {
		t.Errorf("the first variable is no choice of the source: %v", v)
	}
	ids := map[int]bool{}
	for i, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: the id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X+g.W > 24 {
			t.Errorf("%s does not fit: %v", p.Title, g)
		}
		for _, other := range d.Panels[:i] {
			o := other.GridPos
			if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
				t.Errorf("%s covers %s", p.Title, other.Title)
			}
		}
	}
}
