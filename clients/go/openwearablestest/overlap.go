package openwearablestest

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

const maxOverlap = 2_592_000 // seconds

// secrets are the secret of a key or an application, and the one before it.
type secrets struct {
	newest, older string
	until         time.Time // when the older one ends
	rotated       time.Time
	overlap       owv1.Overlap // what used the older one
}

func (k *secrets) rotate(secret string, now time.Time, overlap int32) {
	before := k.newest
	k.finish()
	k.newest, k.rotated = secret, now
	if overlap > 0 {
		k.older, k.until = before, now.Add(time.Duration(overlap)*time.Second)
	}
}

// finish ends the older secret.
func (k *secrets) finish() {
	k.older, k.until = "", time.Time{}
	proto.Reset(&k.overlap)
}

func (k *secrets) admits(secret string, now time.Time) bool {
	return secret != "" && (secret == k.newest || secret == k.older && now.Before(k.until))
}

// use notes that a call was made with a secret.
func (k *secrets) use(secret string, c *call, now time.Time) {
	if secret == k.newest {
		return
	}
	o := &k.overlap
	o.Requests++
	o.LastUsedAt, o.LastUsedIp, o.LastUsedClient, o.LastUsedOperation = timestamppb.New(now), optional(c.address()), optional(c.client), &c.operation
}

// current returns the overlap as it is by now, nil if there is none.
func (k *secrets) current(now time.Time) *owv1.Overlap {
	if k.older == "" || !now.Before(k.until) {
		return nil
	}
	out := proto.CloneOf(&k.overlap)
	out.ExpiresAt = timestamppb.New(k.until)
	return out
}

// optional returns nil for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
