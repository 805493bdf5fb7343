// Package service runs real servers of PostgreSQL and Redis for tests, each in a
// folder of its own. They end with the process that started them, however it
// ends. A server listens before its address is used, and nothing is ever sent to
// a server that somebody else started.
package service

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// Address returns a TCP address on this machine, on which a server may listen,
// stop, and listen again. On Linux the host is one of the 16 million of loopback,
// at random, and elsewhere 127.0.0.1; the port is below those that the system gives
// to others. Nothing holds the address: the first to listen on it may still find
// that it is in use.
func Address() string {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	}
	return fmt.Sprintf("%s:%d", host, 10_000+rand.IntN(20_000))
}

// Listen calls listen with addresses until it does not return
// syscall.EADDRINUSE, ten times at most, and returns the last address.
func Listen(listen func(addr string) error) (addr string, err error) {
	for range 10 {
		addr = Address()
		if err = listen(addr); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return addr, err
}

// account is an account of this machine.
type account struct{ uid, gid uint32 }

// unprivileged returns the account for servers that refuse to be root.
func unprivileged() (*account, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &account{uint32(uid), uint32(gid)}, err
}
