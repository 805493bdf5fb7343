//go:build unix

package openwearables

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openFlags keep an open from following a link and from waiting for the other end of
// a pipe.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// checkOwner returns an error unless the file belongs to the user of this process and
// nobody else may read or write it.
func checkOwner(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if own := os.Geteuid(); int64(stat.Uid) != int64(own) {
		return refusal(fmt.Sprintf("it belongs to the user %d and this process runs as %d; run as its owner, or give another path", stat.Uid, own))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return refusal(fmt.Sprintf("its mode is %04o, so other users can reach it; remove it and sign in again, or set the mode 0600 if only you wrote it", mode))
	}
	return nil
}
