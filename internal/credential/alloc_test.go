//go:build !race

package credential_test

import (
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

// The race detector drops pooled values at random, so these are counted without.
func TestHotPathsDoNotAllocate(t *testing.T) {
	v := newVault(t, "allocations")
	key := credential.Mint(credential.LiveKey)
	bad := key[:len(key)-1] + "-"
	var is bool
	for name, f := range map[string]func(){
		"Hash":             func() { v.Hash(key) },
		"HashKey":          func() { v.HashKey("sk-0123456789abcdef0123456789abcdef") },
		"HashParts":        func() { v.HashParts("domain", "operation", key) },
		"ValidKey":         func() { is = credential.ValidKey(key) },
		"ValidKey refuses": func() { is = credential.ValidKey(bad) },
		"HasKeyForm":       func() { is = credential.HasKeyForm(key) },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s allocates %v times (%v)", name, n, is)
		}
	}
}
