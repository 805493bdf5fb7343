package credential

import (
	"runtime"
	"testing"
	"time"
)

// held returns the bytes of the heap that the system has given and not got back.
func held() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys - m.HeapReleased
}

// The memory of hashes goes back once nobody hashes any more.
func TestPasswordsGiveMemoryBack(t *testing.T) {
	p := NewPasswords(1, 16)
	for range 3 {
		if _, err := p.Hash(t.Context(), Guest{}, "correct horse battery staple"); err != nil {
			t.Fatal(err)
		}
	}
	const hash = 19 << 20
	after := held()
	for end := time.Now().Add(20 * time.Second); held()+hash > after; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are held, and %d were after the hashes", held(), after)
		}
	}
}
