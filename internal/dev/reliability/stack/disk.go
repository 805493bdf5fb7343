package stack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/disk"
)

// Disk is a small file system in memory.
type Disk struct {
	folder string
	filler *os.File
	stop   chan struct{}
	filled sync.WaitGroup
}

// NewDisk mounts a file system of so many MiB at a new folder, which only root
// may. The caller must Close it.
func (l *Lab) NewDisk(name string, size int) (*Disk, error) {
	d := &Disk{folder: filepath.Join(l.folder, name)}
	if err := os.MkdirAll(d.folder, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", d.folder, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=755", size)); err != nil {
		return nil, fmt.Errorf("a small file system is needed, which only root may mount: %w", err)
	}
	return d, nil
}

// Adopt moves the stack, which must not be running, to the disk and starts it.
func (d *Disk) Adopt(s *Stack) (*Stack, error) {
	files, err := disk.Load(s.File())
	if err != nil {
		return nil, err
	}
	if err := files.WriteTo(d.folder); err != nil {
		return nil, err
	}
	o := s.At(d.folder)
	return o, o.Nodes[0].Start("")
}

// Fill takes all space but the given number of bytes. If that is 0, it also takes
// what becomes free until Free is called.
func (d *Disk) Fill(leave int64) (err error) {
	if d.filler, err = os.Create(filepath.Join(d.folder, "filler")); err != nil {
		return err
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.folder, &s); err != nil {
		return err
	}
	if err := d.take(int64(s.Bavail)*s.Bsize - leave); err != nil {
		return err
	}
	d.stop = make(chan struct{})
	d.filled.Go(func() {
		for leave == 0 {
			select {
			case <-d.stop:
				return
			case <-time.After(2 * time.Millisecond):
				_ = d.take(1 << 20) // the disk is meant to be full
			}
		}
	})
	return nil
}

// take writes the given number of bytes, or as many as fit.
func (d *Disk) take(bytes int64) error {
	block := make([]byte, 4096)
	for ; bytes >= int64(len(block)); bytes -= int64(len(block)) {
		if _, err := d.filler.Write(block); errors.Is(err, syscall.ENOSPC) {
			return nil
		} else if err != nil && !errors.Is(err, io.ErrShortWrite) {
			return err
		}
	}
	return nil
}

// Free gives back what Fill took.
func (d *Disk) Free() error {
	close(d.stop)
	d.filled.Wait()
	return errors.Join(d.filler.Close(), os.Remove(d.filler.Name()))
}

// Close unmounts it, even if a file is still open.
func (d *Disk) Close() error { return syscall.Unmount(d.folder, syscall.MNT_DETACH) }
