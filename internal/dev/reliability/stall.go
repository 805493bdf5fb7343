package main

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// The machine is watched by naps. A nap that ends lateWake too late is noted. Over each
// stealSpan the kernel says what share of a processor's time was stolen, that is, given
// to other machines on the same host; more than stealShare is noted.
const (
	nap        = 5 * time.Millisecond
	lateWake   = 100 * time.Millisecond
	stealSpan  = 250 * time.Millisecond
	stealShare = 0.25
)

// watchStalls records when this program is woken late, since the machine then stood
// still for all programs, and when much of its time is stolen. The returned function
// ends the watch and returns the longest delay.
func watchStalls(log *record.Recorder) func() time.Duration {
	var worst time.Duration
	note := func(from, to int64) {
		log.Add(record.Call{Client: "harness", Op: "stall", Start: from, End: to})
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		was, since := processors(), log.Now()
		for {
			select {
			case <-stop:
				return
			default:
			}
			begun := log.Now()
			time.Sleep(nap)
			due, woken := begun+int64(nap), log.Now()
			late := time.Duration(woken - due)
			worst = max(worst, late)
			if late > lateWake {
				note(due, woken)
			}
			if woken-since < int64(stealSpan) {
				continue
			}
			is := processors()
			if share := stolen(was, is); share > stealShare {
				note(woken-int64(share*float64(woken-since)), woken)
			}
			was, since = is, woken
		}
	})
	return func() time.Duration {
		close(stop)
		done.Wait()
		return worst
	}
}

// calmTimeout bounds how long a repeated proof waits for a calm machine.
const calmTimeout = 2 * time.Minute

// awaitCalm waits until less than a tenth of the time of the busy machine is stolen,
// for at most calmTimeout.
func awaitCalm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, calmTimeout)
	defer cancel()
	for ctx.Err() == nil {
		was := processors()
		workers(runtime.NumCPU(), func(int) {
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
			}
		})
		if stolen(was, processors()) < 0.1 {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

// processor counts the ticks of a processor.
type processor struct{ all, stolen float64 }

// processors reads /proc/stat. It returns nothing on other systems than Linux.
func processors() (all []processor) {
	text, _ := os.ReadFile("/proc/stat")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") || fields[0] == "cpu" {
			continue
		}
		var p processor
		for i, field := range fields[1:9] { // user nice system idle iowait irq softirq steal
			ticks, _ := strconv.ParseFloat(field, 64) // the kernel's
			p.all += ticks
			if i == 7 {
				p.stolen = ticks
			}
		}
		all = append(all, p)
	}
	return all
}

// stolen returns the share of the time between that was stolen, of the processor that
// lost most.
func stolen(was, is []processor) (worst float64) {
	for i := range min(len(was), len(is)) {
		if all := is[i].all - was[i].all; all > 0 {
			worst = max(worst, (is[i].stolen-was[i].stolen)/all)
		}
	}
	return worst
}
