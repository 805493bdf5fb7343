package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// shiftVariable holds the seconds by which the clock of a shifted node is ahead.
const shiftVariable = "CLOCK_SHIFT"

// What is replaced in the source of package time, and by what: [time.Now] is all that
// tells a program the time of day. The monotonic clock stays right.
const (
	readsClock  = "sec, nsec, mono := runtimeNow()"
	shiftsClock = readsClock + "\n\tsec += clockShift"
	shiftSource = `
var clockShift = func() int64 {
	text, _ := syscall.Getenv("` + shiftVariable + `")
	n, _ := atoi(text)
	return int64(n)
}()
`
)

// BuildShifted builds the product with a clock that its environment can shift, once,
// which takes minutes where nothing is cached, since all depends on it. The change is to a copy of Go's own source, and nothing of the product's.
func (l *Lab) BuildShifted() error {
	if l.shifted != "" {
		return nil
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	original := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	source := string(text)
	if strings.Count(source, readsClock) != 1 {
		return fmt.Errorf("%s does not have %q once: the shift of clocks must be written anew", original, readsClock)
	}
	source = strings.Replace(source, readsClock, shiftsClock, 1)
	if !strings.Contains(source, `"syscall"`) {
		source = strings.Replace(source, "import (", "import (\n\t\"syscall\"", 1)
	}
	kept := filepath.Dir(l.binary) // so that the compiler's cache knows it again
	copied, overlay := filepath.Join(kept, "time.go"), filepath.Join(kept, "overlay.json")
	if err := os.WriteFile(copied, []byte(source+shiftSource), 0o644); err != nil {
		return err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, replace, 0o644); err != nil {
		return err
	}
	binary := filepath.Join(kept, "shifted")
	if err := l.build(binary, "-trimpath", "-overlay", overlay); err != nil {
		return err
	}
	l.shifted = binary
	return nil
}
