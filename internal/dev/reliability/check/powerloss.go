package check

import (
	"slices"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// PowerLoss checks recordings of a disk, each of which begins with "recording".
// After it come the calls of the clients and each "sync" of a file, and then the
// images of the disk, each of which begins with "image", its "cut" being the time
// of the loss, and goes on with what was found in it: to that, Durable is held
// with the calls as they were known at the cut. Each of the lone writes, which
// are the calls of the client "writer-8", must have had a sync of the WAL between
// its start and its end.
func PowerLoss(calls []record.Call, images, lone int) Verdict {
	var v Verdict
	d := &imageCounts{Verdict: &v}
	for _, one := range split(calls, "recording") {
		parts := split(one, "image")
		d.syncs(one)
		for _, image := range parts {
			d.image(one[:len(one)-length(parts)], image)
		}
	}
	v.enough("crash images", d.images, images)
	v.enough("lone writes", d.lone, lone)
	v.enough("acknowledged writes in an image on average", d.acknowledged/max(1, d.images), 20)
	v.enough("checkpoints", d.checkpoints, 1)
	v.count("%d images, each whole with its every acknowledged write, %d on average; of %d writes under way at a loss, %d there as a whole, %d not at all", d.images, d.acknowledged/max(1, d.images), d.open, d.there, d.open-d.there)
	v.count("%d syncs of the WAL, %d of the database; each of %d lone writes was synced before its answer", d.wal, d.checkpoints, d.lone)
	return v
}

// split cuts the record before each call with the operation. What is before the
// first is left out.
func split(calls []record.Call, op string) (parts [][]record.Call) {
	for i := range calls {
		if calls[i].Op == op {
			parts = append(parts, nil)
		}
		if n := len(parts); n > 0 {
			parts[n-1] = append(parts[n-1], calls[i])
		}
	}
	return parts
}

func length(parts [][]record.Call) (n int) {
	for _, p := range parts {
		n += len(p)
	}
	return n
}

// imageCounts counts the findings in images.
type imageCounts struct {
	*Verdict
	images, acknowledged, open, there, lone, wal, checkpoints int
}

// image holds Durable to what was known at the cut and found in the image.
func (d *imageCounts) image(recorded, found []record.Call) {
	d.images++
	cut := number(&found[0], "cut")
	var then []record.Call
	rows := audit(found)
	for _, c := range recorded {
		effect := slices.Contains(effects, c.Op)
		switch {
		case c.Start > cut:
			continue
		case c.End > cut:
			c.Status, c.Reason, c.Out = 0, "", nil
			if effect {
				d.open++
				d.there += min(1, len(rows[c.Args["request"]])) // its effect and its row go together, which Durable checks
			}
		case effect && c.OK():
			d.acknowledged++
		}
		then = append(then, c)
	}
	for i := range found {
		switch c := &found[i]; {
		case c.Op == "start" && !c.OK():
			d.fail("a node does not start on what a loss of power left", &found[0], c)
			return
		case c.Op == "go-on" && !c.OK():
			d.fail("a session does not go on after a loss of power", &found[0], c)
		}
	}
	o := Durable(append(then, found...), 0)
	if d.Broken += o.Broken; len(d.Evidence) < kept && o.Broken > 0 {
		d.Evidence = append(append(d.Evidence, "in this image: "+found[0].String()), o.Evidence...)
	}
}

// syncs looks for a sync of the WAL in each lone write.
func (d *imageCounts) syncs(calls []record.Call) {
	var wal []*record.Call
	for i := range calls {
		if c := &calls[i]; c.Op == "sync" && c.Of == "openwearables.db-wal" {
			wal = append(wal, c)
		} else if c.Op == "sync" && c.Of == "openwearables.db" {
			d.checkpoints++
		}
	}
	d.wal += len(wal)
	for i := range calls {
		c := &calls[i]
		if c.Client != "writer-8" || !c.OK() || c.Op != "create-key" {
			continue
		}
		d.lone++
		if !slices.ContainsFunc(wal, func(s *record.Call) bool { return s.Start >= c.Start && s.End <= c.End }) {
			d.fail("a write was answered before it was synced", c)
		}
	}
}
