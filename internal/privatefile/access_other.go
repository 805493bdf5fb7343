//go:build !unix

package privatefile

import (
	"io/fs"
	"os"
)

const noFollow, nonBlock = 0, 0

// CheckFolder returns an error if the folder is missing.
func CheckFolder(path string) error {
	_, err := os.Stat(path)
	return err
}

// checkAccess permits everything: the access list of the folder protects a file.
func checkAccess(string, fs.FileInfo) error { return nil }

func checkSharedAccess(string, fs.FileInfo) error { return nil }
