package redis

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func read(text string) (Value, error) { return newReader(strings.NewReader(text)).answer() }

func TestAnswersAreRead(t *testing.T) {
	for text, want := range map[string]Value{
		"+OK\r\n":                      {kind: '+', text: "OK"},
		"-ERR no\r\n":                  {kind: '-', text: "ERR no"},
		":-42\r\n":                     {kind: ':', number: -42},
		"$4\r\na\r\nb\r\n":             {kind: '$', text: "a\r\nb"},
		"$-1\r\n":                      {},
		"*-1\r\n":                      {},
		"*2\r\n:1\r\n*1\r\n$0\r\n\r\n": {kind: '*', list: []Value{{kind: ':', number: 1}, {kind: '*', list: []Value{{kind: '$'}}}}},
	} {
		if v, err := read(text); err != nil || !reflect.DeepEqual(v, want) {
			t.Errorf("%q: %+v, %v", text, v, err)
		}
	}
}

// What is no answer, or too large a one, is refused before it takes memory.
func TestOtherAnswersAreRefused(t *testing.T) {
	for _, text := range []string{
		"?1\r\n", "\r\n", "OK\n", ":\r\n", ":1x\r\n", ":1234567890123456789\r\n", "$-2\r\n", "$1\r\nabc\r\n", "*-2\r\n", "HTTP/1.1 400 Bad Request\r\n",
		"*2\r\n" + strings.Repeat("$10000000\r\n"+strings.Repeat("a", 10_000_000)+"\r\n", 2), "*100\r\n" + strings.Repeat("*50000\r\n"+strings.Repeat(":1\r\n", 50_000), 100),
		"$99999999999\r\n", "*99999999999\r\n", strings.Repeat("*1\r\n", 20), "+" + strings.Repeat("a", 1<<16),
	} {
		if v, err := read(text); !errors.Is(err, errProtocol) {
			t.Errorf("%.40q: %+v, %v", text, v, err)
		}
	}
}

// Commands and the answers of a server that repeats them have one form, so that what was
// written is read again.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("*2\r\n:1\r\n$1\r\na\r\n"), "GET", "key")
	f.Fuzz(func(t *testing.T, answer []byte, a, b string) {
		r := newReader(strings.NewReader(string(answer)))
		for {
			if _, err := r.answer(); err != nil {
				break
			}
		}
		v, err := read(string(appendCommand(nil, []string{a, b})))
		if err != nil || len(v.list) != 2 || v.list[0].text != a || v.list[1].text != b {
			t.Errorf("%q %q: %+v, %v", a, b, v, err)
		}
	})
}

// The vectors of the cluster specification.
func TestSlots(t *testing.T) {
	for key, want := range map[string]int{
		"123456789": 0x31c3, "{123456789}:limit": 0x31c3, "a{123456789}{b}": 0x31c3, "foo": 12182, "foo{}{bar}": 8363,
	} {
		if got := slotOf(key); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
}

func TestQueueKeepsItsOrder(t *testing.T) {
	var q queue
	next := 0
	for n := range 1000 {
		q.push(&call{left: n})
		for q.len() > n%7 {
			if k := q.pop(); k.left != next {
				t.Fatal(fmt.Sprint("got ", k.left, ", want ", next))
			}
			next++
		}
	}
	if cap(q.calls) > 64 {
		t.Errorf("room for %d calls", cap(q.calls))
	}
}
