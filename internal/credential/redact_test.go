package credential_test

import (
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

func TestRedactRemovesEverySecret(t *testing.T) {
	const token = "eyJhbGciOiJFUzI1NiJ9" + "." + "eyJzdWIiOiJ1c2VyIn0" + "." + "c2lnbmF0dXJlLW9mLWl0"
	refresh := withChecksum("rt_" + strings.Repeat("a1", 28))
	for _, secret := range []string{
		credential.Mint(credential.LiveKey), credential.Mint(credential.TestKey), credential.Mint(credential.AppSecret), refresh, token,
		"whsec_" + strings.Repeat("A+/b", 10) + "AAA=",
	} {
		for _, frame := range [][2]string{
			{"", ""}, {"Bearer ", ""}, {"x", "y"}, {"ow_live_", "ow_live_"}, {"a.", ".b"}, {"secret_rt_", ""}, {"ü", "\xff"}, {secret + " ", " " + secret},
		} {
			if got := credential.Redact(frame[0] + secret + frame[1]); strings.Contains(got, secret) || !strings.Contains(got, "[redacted]") {
				t.Errorf("%q%q%q becomes %q", frame[0], secret, frame[1], got)
			}
		}
	}
}

func TestRedactLeavesOtherTexts(t *testing.T) {
	for _, text := range []string{
		"", "Mozilla/5.0 (X11; Linux x86_64)", "req_0123456789abcdefghijklmnop", "start_of_a_trip", "secret_", "whsec_", "ow_live_" + strings.Repeat("0", 36), "eyJ", "eyJhbGci",
		"rt_" + strings.Repeat("0", 63), credential.Mint(credential.KeyID), credential.Mint(credential.AppID),
	} {
		if got := credential.Redact(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
		if n := testing.AllocsPerRun(10, func() { credential.Redact(text) }); n != 0 {
			t.Errorf("%q costs %v allocations", text, n)
		}
	}
}
