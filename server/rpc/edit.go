package rpc

// An edit replaces the bytes of a body from one offset to another.
type edit struct {
	from, to int
	with     string
}

// edits are in the order of their offsets.
type edits []edit

// apply returns the body with the edits. It does not change the body.
func (e edits) apply(body []byte) []byte {
	if len(e) == 0 {
		return body
	}
	out, at := make([]byte, 0, len(body)+64), 0
	for _, edit := range e {
		out = append(append(out, body[at:edit.from]...), edit.with...)
		at = edit.to
	}
	return append(out, body[at:]...)
}
