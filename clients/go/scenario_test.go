package openwearables_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

// The types of clients/testdata/refresh-scenarios.json. The README beside that file
// explains them.
type (
	scenario struct {
		Title  string            `json:"name"`
		Setup  setup             `json:"setup"`
		Faults []faultproxy.Rule `json:"faults"`
		Steps  []step            `json:"steps"`
		Expect expectation       `json:"expect"`
	}
	setup struct {
		Credential string `json:"credential"`
		Age        string `json:"age"`
		Store      string `json:"store"`
		Processes  int    `json:"processes"`
		Clients    int    `json:"clients"`
		Provider   string `json:"provider"`
		Retry      *bool  `json:"retry"`
	}
	step struct {
		Do        string            `json:"do"`
		As        string            `json:"as"`
		RPC       string            `json:"rpc"`
		Process   int               `json:"process"`
		Client    int               `json:"client"`
		Count     int               `json:"count"`
		OK        *int              `json:"ok"`
		Error     string            `json:"error"`
		Reason    string            `json:"reason"`
		TimeoutMS int               `json:"timeout_ms"`
		WithinMS  int               `json:"within_ms"`
		MS        int               `json:"ms"`
		User      string            `json:"user"`
		Fault     string            `json:"fault"`
		Content   string            `json:"content"`
		Mode      string            `json:"mode"`
		Rules     []faultproxy.Rule `json:"rules"`
	}
	expectation struct {
		Refreshes *span           `json:"refreshes"`
		Rotated   *span           `json:"rotated"`
		Revokes   *span           `json:"revokes"`
		Keys      *span           `json:"keys"`
		Requests  map[string]span `json:"requests"`
		Session   string          `json:"session"`
		Alive     bool            `json:"alive"`
		Original  string          `json:"original"`
		Events    map[string]span `json:"events"`
	}
	// span is a number, or [least, most].
	span struct{ least, most int }
)

func (s *span) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		var pair [2]int
		err := json.Unmarshal(b, &pair)
		s.least, s.most = pair[0], pair[1]
		return err
	}
	err := json.Unmarshal(b, &s.least)
	s.most = s.least
	return err
}

func (s *span) check(t *testing.T, what string, got int) {
	t.Helper()
	if s != nil && (got < s.least || got > s.most) {
		t.Errorf("%s: %d, want %d to %d", what, got, s.least, s.most)
	}
}

func readScenarios(t *testing.T) []scenario {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "refresh-scenarios.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Version   int        `json:"version"`
		Scenarios []scenario `json:"scenarios"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil || file.Version != 1 {
		t.Fatalf("version %d, %v", file.Version, err)
	}
	return file.Scenarios
}

func TestScenarios(t *testing.T) {
	scenarios := readScenarios(t)
	if len(scenarios) < 60 {
		t.Fatalf("only %d scenarios", len(scenarios))
	}
	o := &outcomes{of: map[string]string{}}
	t.Cleanup(func() { o.write(t) })
	for _, s := range scenarios {
		t.Run(s.Title, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { o.note(t, s.Title) })
			newStage(t, s).play()
		})
	}
}

// outcomes records how each scenario ended, for the table of all SDKs. Safe for
// concurrent use.
type outcomes struct {
	mu sync.Mutex
	of map[string]string
}

func (o *outcomes) note(t *testing.T, title string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of[title] = "pass"
	if t.Failed() {
		o.of[title] = "fail"
	}
}

// write appends a line to the file that the variable SCENARIO_OUTCOMES names, if any.
func (o *outcomes) write(t *testing.T) {
	name := os.Getenv("SCENARIO_OUTCOMES")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	err = json.NewEncoder(f).Encode(map[string]any{"runtime": "Go", "outcomes": o.of})
	if err = errors.Join(err, f.Close()); err != nil {
		t.Error(err)
	}
}
