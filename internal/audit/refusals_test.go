package audit

import (
	"fmt"
	"testing"
	"time"
)

var epoch = time.Date(2026, 3, 7, 10, 30, 0, 0, time.UTC)

func refusal(at time.Time, subject string) Event {
	return Event{At: at, Action: Login, Outcome: "invalid_credentials", Actor: "anonymous", Subject: subject, IP: "192.0.2.1"}
}

// occurrences returns how many refusals the sums stand for.
func occurrences(sums []Event) (n int64) {
	for _, e := range sums {
		n += e.Occurrences
	}
	return n
}

func TestRefusalsOfOneKindShareARow(t *testing.T) {
	var r Refusals
	own := 0
	for i := range 10_000 {
		if r.Own("192.0.2.1", refusal(epoch.Add(time.Duration(i)*time.Millisecond), "developer:1")) {
			own++
		}
	}
	if !r.Own("192.0.2.2", refusal(epoch, "developer:1")) {
		t.Error("another address has no row")
	}
	if early := r.Due(epoch.Add(59 * time.Second)); len(early) != 0 {
		t.Errorf("a sum is due before its minute is over: %v", early)
	}
	sums := r.Due(epoch.Add(time.Minute))
	if own != ownRows || len(sums) != 1 || sums[0].Occurrences != 10_000-ownRows || sums[0].Subject != "developer:1" {
		t.Errorf("%d rows, and the sums %+v", own, sums)
	}
	if again := r.All(); len(again) != 0 {
		t.Errorf("given twice: %v", again)
	}
}

// Who guesses at several accounts hides none of them behind another, and who goes on
// to very many leaves few rows.
func TestRefusalsTellSubjectsApart(t *testing.T) {
	var r Refusals
	const each, subjects = 10, 100
	own := make(map[string]int)
	for i := range each * subjects {
		e := refusal(epoch, fmt.Sprint("developer:", i/each))
		if r.Own("192.0.2.1", e) {
			own[e.Subject]++
		}
	}
	summed := make(map[string]int64)
	for _, e := range r.All() {
		if e.IP != "192.0.2.1" {
			t.Errorf("the sum %+v has another address", e)
		}
		summed[e.Subject] += e.Occurrences
	}
	if len(own) != ownSubjects+1 || len(summed) != ownSubjects+1 {
		t.Errorf("%d subjects have rows, and %d sums", len(own), len(summed))
	}
	for i := range ownSubjects {
		if of := fmt.Sprint("developer:", i); own[of] != ownRows || summed[of] != each-ownRows {
			t.Errorf("%s has %d rows and a sum of %d", of, own[of], summed[of])
		}
	}
	if rest := int64(each*(subjects-ownSubjects) - ownRows); summed[""] != rest {
		t.Errorf("the sum of the others is %d, want %d", summed[""], rest)
	}
	if len(r.kinds) != 0 || len(r.named) != 0 {
		t.Errorf("%d kinds and %d numbers of subjects are left", len(r.kinds), len(r.named))
	}
}

// However many addresses are refused, rows and memory have a bound, and no
// refusal is missing from the numbers.
func TestRefusalsOfManyAddressesAreBounded(t *testing.T) {
	var r Refusals
	const addresses, each = 20_000, 8
	own := 0
	for i := range addresses * each {
		if r.Own(fmt.Sprint(i%addresses), refusal(epoch, "developer:1")) {
			own++
		}
		if len(r.kinds) > maxSums+1 {
			t.Fatalf("%d kinds are kept", len(r.kinds))
		}
	}
	sums := r.All()
	if own != allRows || len(sums) > maxSums+1 || int64(own)+occurrences(sums) != addresses*each {
		t.Errorf("%d rows and %d sums of %d refusals", own, len(sums), int64(own)+occurrences(sums))
	}
}

// An address that goes on for an hour leaves a few rows for each minute.
func TestSumsBeginAnewEachMinute(t *testing.T) {
	var r Refusals
	own := 0
	var sums []Event
	for second := range 3600 {
		at := epoch.Add(time.Duration(second) * time.Second)
		for range 10 {
			if r.Own("192.0.2.1", refusal(at, "")) {
				own++
			}
		}
		sums = append(sums, r.Due(at)...)
	}
	sums = append(sums, r.All()...)
	if own != 60*ownRows || len(sums) != 60 || int64(own)+occurrences(sums) != 36_000 {
		t.Errorf("%d rows and %d sums of %d refusals", own, len(sums), int64(own)+occurrences(sums))
	}
}

func TestSumsThatCouldNotBeWrittenAreKept(t *testing.T) {
	var r Refusals
	for range 10 {
		r.Own("192.0.2.1", refusal(epoch, ""))
	}
	r.Return(r.All())
	if sums := r.Due(epoch); occurrences(sums) != 10-ownRows {
		t.Errorf("the sums are %+v", sums)
	}
	r.Return(make([]Event, 2*maxUnwritten))
	if n := len(r.All()); n != maxUnwritten {
		t.Errorf("%d sums are kept", n)
	}
}
