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
	lone   = 20                      // writes that are made while there is no other
	filmed = 1500 * time.Millisecond // how long many write at least
)

func powerLoss(t *trial) (check.Verdict, error) {
	films := t.size(1, 4, "recordings of the disk")
	images := t.size(10, 200, "crash images")
	for range films {
		if err := t.film(images / films); err != nil {
			return check.Verdict{}, err
		}
	}
	calls, err := t.log.Read()
	return check.PowerLoss(calls, images, lone*films), err
}

// film is one recording of what a node did to its disk.
type film struct {
	*world
	payers      []*payer
	base        disk.Files // before
	ops         []disk.Op
	began       time.Time
	from, to    int64   // of the record
	zero        int64   // of the record, in nanoseconds since 1970
	checkpoints []int64 // when the database was written
	folders     string
}

// film records an installation of its own at work, and looks at what losses of
// power could have left of it.
func (t *trial) film(images int) error {
	if t.stack != nil {
		t.stack.Close()
	}
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return err
	}
	f := &film{world: w, folders: filepath.Join(t.lab.Folder(), "images")}
	stop := new(atomic.Bool)
	for i := range 9 {
		p, err := w.payer(i, stop)
		if err != nil {
			return err
		}
		defer p.caller.Close()
		f.payers = append(f.payers, p)
	}
	if err := f.shoot(stop); err != nil {
		return err
	}
	original := t.stack
	defer func() { t.stack = original }()
	for i := range images {
		if err := f.develop(original, i); err != nil {
			return fmt.Errorf("image %d: %w", i, err)
		}
	}
	return nil
}

// shoot records the node from its start to its being killed.
func (f *film) shoot(stop *atomic.Bool) (err error) {
	n := f.stack.Nodes[0]
	n.Terminate()
	<-n.Ended()
	if f.base, err = disk.Load(f.stack.File()); err != nil {
		return err
	}
	if _, open := f.base["openwearables.db-wal"]; open {
		return errors.New("a node that was asked to end left its WAL")
	}
	trace := filepath.Join(f.stack.Folder(), "trace")
	if err := f.stack.Trace(trace); err != nil {
		return err
	}
	f.began, f.from = time.Now(), f.log.Now()
	f.zero = f.began.UnixNano() - f.from
	if err := f.log.Event("recording", "", 0, func() error { return n.Start("") }); err != nil {
		return err
	}
	for range lone {
		f.payers[8].create()
	}
	time.AfterFunc(filmed, func() { f.await(stop) })
	workers(8, func(i int) { f.payers[i].pay() })
	f.to = f.log.Now()
	n.Kill()
	if err := n.Traced(trace); err != nil {
		return err
	}
	if f.ops, err = disk.Read(trace, f.stack.Folder()); err != nil {
		return err
	}
	for _, o := range f.ops {
		if o.File == "openwearables.db" {
			f.checkpoints = append(f.checkpoints, o.Start-f.zero)
		}
		if o.Kind == disk.Sync && o.End < f.began.Add(time.Hour).UnixNano() {
			f.log.Add(record.Call{Client: "trace", Op: "sync", Of: o.File, Start: o.Start - f.zero, End: o.End - f.zero})
		}
	}
	return nil
}

// await stops the clients once a checkpoint has written the database.
func (f *film) await(stop *atomic.Bool) {
	defer stop.Store(true)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if info, err := os.Stat(f.stack.File()); err != nil || info.ModTime().After(f.began) {
			return
		}
	}
}

// moment is when a loss comes: just when a client has been answered, while the
// database is written by a checkpoint, or at any time.
func (f *film) moment(i int) int64 {
	p := f.payers[rand.IntN(len(f.payers))]
	switch {
	case i%3 == 0 && len(p.acts) > 0:
		return p.acts[rand.IntN(len(p.acts))].answer.End
	case i%3 == 1 && len(f.checkpoints) > 0:
		return f.checkpoints[rand.IntN(len(f.checkpoints))]
	}
	return f.from + rand.Int64N(f.to-f.from)
}

// develop makes one image, starts a node on it and looks at what is there.
func (f *film) develop(original *stack.Stack, i int) (err error) {
	at := f.moment(i)
	draw := rand.New(rand.NewPCG(rand.Uint64(), 0))
	loss := disk.Losses(at+f.zero, draw)
	folder := filepath.Join(f.folders, fmt.Sprint(i))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := f.lay(folder, loss.After(f.base, f.ops), draw, i%2 == 0); err != nil {
		return err
	}
	now := f.log.Now()
	f.log.Add(record.Call{Client: "harness", Op: "image", Start: now, End: now, Args: map[string]string{
		"cut": fmt.Sprint(at), "keep": fmt.Sprintf("%.2f", loss.Keep), "sector": fmt.Sprint(loss.Sector), "seed": fmt.Sprint(loss.Seed),
	}})
	f.stack = original.At(folder)
	defer f.stack.Close()
	n := f.stack.Nodes[0]
	if f.restart(func() error { return n.Start("") }) != nil {
		return f.ctx.Err() // which the record tells
	}
	_ = f.log.Event("integrity", "", 0, func() error { return errors.Join(f.integrity(), f.dump(f.began)) }) // the checker looks at it
	workers(len(f.payers), func(i int) { f.payers[i].look(at) })
	return f.ctx.Err()
}

// lay writes the files into the folder. What was mapped into memory can be
// anything after a loss.
func (f *film) lay(folder string, left disk.Files, draw *rand.Rand, mapped bool) error {
	if mapped {
		garbage := make([]byte, 32<<10)
		for i := range garbage {
			garbage[i] = byte(draw.Uint32())
		}
		left["openwearables.db-shm"] = garbage
	}
	return left.Lay(folder)
}
