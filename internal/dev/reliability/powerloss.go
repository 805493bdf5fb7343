package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/disk"
	"github.com/openwearables/openwearables/internal/dev/reliability/record"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

const (
	lone      = 20                      // writes that are made one at a time
	recordFor = 1500 * time.Millisecond // how long many clients write at least
)

func powerLoss(t *trial) (check.Verdict, error) {
	recordings := t.size(1, 4, "recordings of the disk")
	images := t.size(10, 200, "crash images")
	for range recordings {
		if err := t.recordDisk(images / recordings); err != nil {
			return check.Verdict{}, err
		}
	}
	calls, err := t.log.Read()
	return check.PowerLoss(calls, images, lone*recordings), err
}

// recording is a recording of what a node did to its disk.
type recording struct {
	*world
	writers     []*journalWriter
	base        disk.Files // before
	ops         []disk.Op
	began       time.Time
	from, to    int64   // of the record
	zero        int64   // of the record, in nanoseconds since 1970
	checkpoints []int64 // when the database was written
	folders     string
}

// recordDisk records a new installation under load, and verifies images of what
// losses of power could have left of it.
func (t *trial) recordDisk(images int) error {
	if t.stack != nil {
		t.stack.Close()
	}
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return err
	}
	r := &recording{world: w, folders: filepath.Join(t.lab.Folder(), "images")}
	stop := new(atomic.Bool)
	for i := range 9 {
		p, err := w.journalWriter(i, stop)
		if err != nil {
			return err
		}
		defer p.caller.Close()
		r.writers = append(r.writers, p)
	}
	if err := r.record(stop); err != nil {
		return err
	}
	original := t.stack
	defer func() { t.stack = original }()
	for i := range images {
		if err := r.replay(original, i); err != nil {
			return fmt.Errorf("image %d: %w", i, err)
		}
	}
	return nil
}

// record records the node from its start until it is killed.
func (r *recording) record(stop *atomic.Bool) (err error) {
	n := r.stack.Nodes[0]
	n.Terminate()
	if err := n.Await(); err != nil {
		return err
	}
	if r.base, err = disk.Load(r.stack.File()); err != nil {
		return err
	}
	if _, open := r.base["openwearables.db-wal"]; open {
		return errors.New("a node that was asked to end left its WAL")
	}
	trace := filepath.Join(r.stack.Folder(), "trace")
	if err := r.stack.Trace(trace); err != nil {
		return err
	}
	r.began, r.from = time.Now(), r.log.Now()
	r.zero = r.began.UnixNano() - r.from
	if err := r.log.Event("recording", "", 0, func() error { return n.Start("") }); err != nil {
		return err
	}
	for range lone {
		r.writers[8].create()
	}
	time.AfterFunc(recordFor, func() { r.stopAfterCheckpoint(stop) })
	workers(8, func(i int) { r.writers[i].work() })
	r.to = r.log.Now()
	n.Kill()
	if err := n.Traced(trace); err != nil {
		return err
	}
	if r.ops, err = disk.Read(trace, r.stack.Folder()); err != nil {
		return err
	}
	for _, o := range r.ops {
		if o.File == "openwearables.db" {
			r.checkpoints = append(r.checkpoints, o.Start-r.zero)
		}
		if o.Kind == disk.Sync && o.End < r.began.Add(time.Hour).UnixNano() {
			r.log.Add(record.Call{Client: "trace", Op: "sync", Of: o.File, Start: o.Start - r.zero, End: o.End - r.zero})
		}
	}
	return nil
}

// stopAfterCheckpoint stops the clients once a checkpoint has written the database.
func (r *recording) stopAfterCheckpoint(stop *atomic.Bool) {
	defer stop.Store(true)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if info, err := os.Stat(r.stack.File()); err != nil || info.ModTime().After(r.began) {
			return
		}
	}
}

// lossTime chooses the time of a loss: just after an answer, during a checkpoint, or
// at any time.
func (r *recording) lossTime(i int) int64 {
	p := r.writers[rand.IntN(len(r.writers))]
	switch {
	case i%3 == 0 && len(p.journal) > 0:
		return p.journal[rand.IntN(len(p.journal))].answer.End
	case i%3 == 1 && len(r.checkpoints) > 0:
		return r.checkpoints[rand.IntN(len(r.checkpoints))]
	}
	return r.from + rand.Int64N(r.to-r.from)
}

// replay makes one image, starts a node on it and verifies what is there.
func (r *recording) replay(original *stack.Stack, i int) (err error) {
	at := r.lossTime(i)
	draw := rand.New(rand.NewPCG(rand.Uint64(), 0))
	loss := disk.Losses(at+r.zero, draw)
	folder := filepath.Join(r.folders, fmt.Sprint(i))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := r.write(folder, loss.After(r.base, r.ops), draw, i%2 == 0); err != nil {
		return err
	}
	now := r.log.Now()
	r.log.Add(record.Call{Client: "harness", Op: "image", Start: now, End: now, Args: map[string]string{
		"cut": fmt.Sprint(at), "keep": fmt.Sprintf("%.2f", loss.Keep), "sector": fmt.Sprint(loss.Sector), "seed": fmt.Sprint(loss.Seed),
	}})
	r.stack = original.At(folder)
	defer r.stack.Close()
	n := r.stack.Nodes[0]
	if r.restart(func() error { return n.Start("") }) != nil {
		return r.ctx.Err() // the record has the failure
	}
	_ = r.log.Event("integrity", "", 0, func() error { return errors.Join(r.integrity(), r.dump(r.began)) }) // the checker looks at it
	workers(len(r.writers), func(i int) { r.writers[i].verify(at) })
	return r.ctx.Err()
}

// write writes the files into the folder. What was mapped into memory can be
// anything after a loss.
func (r *recording) write(folder string, left disk.Files, draw *rand.Rand, mapped bool) error {
	if mapped {
		garbage := make([]byte, 32<<10)
		for i := range garbage {
			garbage[i] = byte(draw.Uint32())
		}
		left["openwearables.db-shm"] = garbage
	}
	return left.WriteTo(folder)
}
