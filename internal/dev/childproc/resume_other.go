//go:build !unix

package childproc

// resume does nothing: no program can be paused here.
func (*Process) resume() {}
