//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	set  = parse(os.Getenv("FAILPOINT"))
	hits atomic.Int64
)

type point struct {
	name  string
	act   func()
	after int64 // hits that pass
}

func parse(text string) point {
	if text == "" {
		return point{}
	}
	parts := strings.Split(text, ":")
	p := point{name: parts[0]}
	if len(parts) == 3 {
		n, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil || n < 1 {
			panic(fmt.Sprintf("FAILPOINT: %q is not a count", parts[2]))
		}
		p.after = n - 1
	}
	switch action, argument, _ := strings.Cut(parts[min(1, len(parts)-1)], "="); action {
	case "kill":
		p.act = func() {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it arrives
		}
	case "sleep":
		d, err := time.ParseDuration(argument)
		if err != nil {
			panic(fmt.Sprintf("FAILPOINT: %v", err))
		}
		p.act = func() { time.Sleep(d) }
	default:
		panic(fmt.Sprintf("FAILPOINT: %q is not NAME:kill or NAME:sleep=DURATION", text))
	}
	return p
}

// Hit acts if FAILPOINT names the place.
func Hit(name string) {
	if name == set.name && hits.Add(1) > set.after {
		set.act()
	}
}
