//go:build race

package main_test

func init() { serverFlags = []string{"-race"} }
