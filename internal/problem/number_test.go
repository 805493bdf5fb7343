package problem_test

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

func TestParseWhole(t *testing.T) {
	nines := strings.Repeat("9", 1<<20)
	for s, want := range map[string]int64{
		"0": 0, "-0": 0, "-0.0": 0, "0e5": 0, "0.000e999999999999": 0, "3600": 3600, "3600.0": 3600, "3.6e3": 3600, "36000e-1": 3600, "3.6E+3": 3600,
		"-36e02": -3600, "360000000000000000000e-17": 3600, "0.0036e6": 3600, "1e-0": 1,
		"9223372036854775807": math.MaxInt64, "9223372036854775808": math.MaxInt64, "-9223372036854775808": math.MinInt64, "-1e19": math.MinInt64,
		"1e999999999": math.MaxInt64, "-1e99999999999999999999": math.MinInt64, nines: math.MaxInt64, "-" + nines: math.MinInt64, "1e" + nines: math.MaxInt64,
		"1" + strings.Repeat("0", 1000) + "e-1000": 1, "0." + strings.Repeat("0", 999) + "1e1000": 1,
	} {
		if n, ok := problem.ParseWhole(s); !ok || n != want {
			t.Errorf("%.40s is %d, %t; want %d", s, n, ok, want)
		}
	}
	for _, s := range []string{
		"", "-", "+1", "01", "-01", ".5", "1.", "1e", "1e+", "1e-+1", "1e1.0", "1.5", "15e-1", "1e-1", "1e-999999999", "1e-" + nines, "0x10", "1_000", " 1", "1 ",
		"NaN", "Infinity", "1.2.3", "1e5e5", "--1", "١", "0." + nines,
	} {
		if n, ok := problem.ParseWhole(s); ok {
			t.Errorf("%.40q is read as %d", s, n)
		}
	}
}

// Whatever it reads is what package big reads.
func FuzzParseWhole(f *testing.F) {
	for _, s := range []string{"3600", "-3.60e3", "36000e-1", "1e30", "1e-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := problem.ParseWhole(s)
		if len(s) > 12 || strings.ContainsAny(s, "eE") && len(s)-strings.IndexAny(s, "eE") > 5 {
			return
		}
		want, valid := new(big.Rat).SetString(s)
		if ok && (!valid || !want.IsInt() || want.Num().IsInt64() && want.Num().Int64() != n) {
			t.Errorf("%q is read as %d", s, n)
		}
	})
}

func TestParseInstant(t *testing.T) {
	for s, want := range map[string]string{
		"2026-03-07T10:30:00Z":             "2026-03-07T10:30:00Z",
		"2026-03-07t10:30:00z":             "2026-03-07T10:30:00Z",
		"2026-03-07T10:30:00.1+02:00":      "2026-03-07T08:30:00.1Z",
		"2026-03-07T10:30:00.1234569Z":     "2026-03-07T10:30:00.123456Z",
		"1969-12-31T23:59:59.9999999Z":     "1969-12-31T23:59:59.999999Z",
		"2026-03-07T10:30:00-00:00":        "2026-03-07T10:30:00Z",
		"2026-03-07T10:30:00.00000000001Z": "2026-03-07T10:30:00Z",
		"2026-03-07T00:00:00+23:59":        "2026-03-06T00:01:00Z",
		"9999-12-31T23:59:59.9999999Z":     "9999-12-31T23:59:59.999999Z",
	} {
		if got, err := problem.ParseInstant(s); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v (%v), want %s", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "2026-03-07", "2026-03-07T1:30:00Z", "2026-3-07T10:30:00Z", "2026-03-07 10:30:00Z", "2026-03-07T10:30Z", "2026-03-07T10:30:00", "2026-03-07T10:30:00,5Z",
		"2026-03-07T10:30:00.Z", "2016-12-31T23:59:60Z", "2026-03-07T24:00:00Z", "2026-02-29T10:30:00Z", "2026-03-07T10:30:00+24:00", "2026-03-07T10:30:00+02:60",
		"2026-03-07T10:30:00+2:00", "2026-03-07T10:30:00+0200", "0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z",
		" 2026-03-07T10:30:00Z", "2026-03-07T10:30:00Z\n", "2026-03-07T10:30:00." + strings.Repeat("0", 300) + "Z", "٢٠٢٦-03-07T10:30:00Z",
	} {
		if got, err := problem.ParseInstant(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}
