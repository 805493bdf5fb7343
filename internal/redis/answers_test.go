package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Whatever ends between a call and its answer, the caller, its time or the connection,
// nobody is given what somebody else asked for.
func TestAnswersReachTheirCallers(t *testing.T) {
	n := startNode(t, func(n *node, command string) string {
		word, text, _ := strings.Cut(command, " ")
		switch chance := rand.IntN(2000); {
		case word != "ECHO":
			return "?\r\n"
		case chance == 0:
			return "" // which is overdue, and so ends the connection
		case chance < 10:
			return "-ERR " + text + "\r\n"
		case chance < 12:
			return "$1\r\n" + text + "\r\n" // of another length
		default:
			return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		}
	})
	c := New(Options{Network: "tcp", Addrs: []string{n.Addr().String()}, Timeout: 50 * time.Millisecond})
	var answered, left, lost atomic.Int64
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for j := range 200 {
				commands := make([][]string, 1+rand.IntN(3))
				for k := range commands {
					commands[k] = []string{"ECHO", fmt.Sprint(i, "-", j, "-", k)}
				}
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				answers, err := c.Pipeline(ctx, commands)
				leave()
				switch {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					left.Add(1)
				default:
					lost.Add(1)
				}
				for k, a := range answers {
					if got := strings.TrimPrefix(a.text, "ERR "); a.kind != '*' && got != commands[k][1] {
						t.Errorf("%q is answered %q", commands[k][1], got)
					}
				}
			}
		})
	}
	all.Wait()
	c.Close()
	if s := c.Stats(); s.Connections != 0 || answered.Load() == 0 || left.Load() == 0 || lost.Load() == 0 {
		t.Errorf("%d answered, %d left, %d lost; %+v", answered.Load(), left.Load(), lost.Load(), s)
	}
}
