package store

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// The database's time follows from this machine's clock, however wrong that is. A
// measurement that took long, because the process or the network stood still,
// does not replace a better one.
func TestSkewedClockTellsTheDatabasesTime(t *testing.T) {
	t.Parallel()
	database := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ahead := 19 * time.Second
	c := skewedClock{machine: func() time.Time { return database.Add(ahead) }}
	wrong := func() time.Duration { return c.now().Sub(database).Abs() }
	measure := func(took time.Duration) {
		sent, at := c.machine(), database.Add(took/2)
		database = database.Add(took)
		c.measure(sent, at)
	}
	measure(5 * time.Second)
	if off := wrong(); off > 0 {
		t.Errorf("after a first measurement it is off by %v", off)
	}
	ahead = -time.Hour // somebody sets the clock
	measure(maxDoubt)
	if off := wrong(); off > 0 {
		t.Errorf("after the clock was set it is off by %v", off)
	}
	ahead += time.Minute
	measure(maxDoubt + time.Millisecond)
	if off := wrong(); off != time.Minute {
		t.Errorf("a doubtful measurement left it off by %v", off)
	}
}

func TestSkewedClockIsReported(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := skewedClock{machine: func() time.Time { return now }}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for ahead, says := range map[time.Duration]string{
		0: "", maxSkew: "", -maxSkew: "", 25 * time.Second: "25s ahead of", -25 * time.Second: "25s behind",
	} {
		c.measure(now, now.Add(-ahead))
		err := c.check(log)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
}
