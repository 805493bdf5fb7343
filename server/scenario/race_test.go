//go:build race

package scenario_test

func init() { readCost = 6 }
