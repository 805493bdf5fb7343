package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// fullDisk takes so much of each write, while it is not nil.
type fullDisk struct {
	takes *int
	bytes.Buffer
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.takes == nil {
		return d.Buffer.Write(b)
	}
	n, _ := d.Buffer.Write(b[:min(*d.takes, len(b))])
	return n, errors.New("full")
}

// Every line that could not be written is counted, over any number of writes that fail.
func TestLinesLostAreCounted(t *testing.T) {
	for _, takes := range []int{0, 1, 10} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &fullDisk{takes: &takes}
				l := newLogWriter(to)
				write := func(lines string) {
					_, _ = l.Write([]byte(lines))
					l.hurry()
					synctest.Wait()
				}
				for range 3 {
					write(strings.Repeat("0123456789\n", 10))
				}
				to.takes = nil
				write("last\n")
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				whole := strings.Count(to.String(), "0123456789")
				if want := fmt.Sprintf(`"lines":%d}`, 30-whole); !strings.Contains(to.String(), want) {
					t.Errorf("not %s:\n%s", want, to)
				}
			})
		})
	}
}
