//go:build race

package openwearables_test

func init() { buildFlags = []string{"-race"} }
