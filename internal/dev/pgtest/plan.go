package pgtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// explained are the settings of a server that logs the plan of every tenth statement, and
// plans to read a whole table only where no index would do. All plans would take twice as
// long, and what is asked often is among a tenth too.
var explained = []string{
	"session_preload_libraries=auto_explain", "auto_explain.log_min_duration=0", "auto_explain.log_format=json", "auto_explain.sample_rate=0.1",
	"enable_seqscan=off", "enable_bitmapscan=on",
}

// Scan is what a statement reads whole, with the statement.
type Scan struct{ Table, Statement string }

func (s Scan) String() string { return fmt.Sprintf("%s is read whole by: %s", s.Table, s.Statement) }

// node is a step of a plan as EXPLAIN (FORMAT JSON) tells of it.
type node struct {
	Type      string `json:"Node Type"`
	Table     string `json:"Relation Name"`
	IndexCond string `json:"Index Cond"`
	Recheck   string `json:"Recheck Cond"`
	Plans     []node `json:"Plans"`
}

// scans returns the tables that the step and those below it read whole. What a LIMIT
// stands above reads an index in its order until it has enough.
func (n *node) scans(limited bool) (tables []string) {
	limited = limited || n.Type == "Limit"
	switch n.Type {
	case "Seq Scan", "Sample Scan":
		tables = append(tables, n.Table)
	case "Index Scan", "Index Only Scan":
		if n.IndexCond == "" && !limited {
			tables = append(tables, n.Table)
		}
	}
	for i := range n.Plans {
		tables = append(tables, n.Plans[i].scans(limited)...)
	}
	return tables
}

// readPlans returns what the statements of a server's log read whole, each once, and how
// many plans the log has.
func readPlans(log io.Reader) (whole []Scan, plans int, err error) {
	lines := bufio.NewReader(log)
	var plan strings.Builder
	inside := false
	end := func() error {
		if !inside {
			return nil
		}
		inside = false
		plans++
		var told struct {
			Statement string `json:"Query Text"`
			Plan      node   `json:"Plan"`
		}
		if err := json.Unmarshal([]byte(plan.String()), &told); err != nil {
			return fmt.Errorf("a plan in the log of PostgreSQL: %w", err)
		}
		for _, table := range told.Plan.scans(false) {
			if s := (Scan{table, told.Statement}); !slices.Contains(whole, s) {
				whole = append(whole, s)
			}
		}
		return nil
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return whole, plans, err
		}
		if text, more := strings.CutPrefix(line, "\t"); inside && more {
			plan.WriteString(text)
		} else if bad := end(); bad != nil {
			return whole, plans, bad
		} else if strings.Contains(line, "  plan:") {
			inside = true
			plan.Reset()
		}
		if err == io.EOF {
			return whole, plans, end()
		}
	}
}
