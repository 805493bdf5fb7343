//go:build !unix

package childproc

// Pause does nothing: no program can be paused here.
func (*Process) Pause() {}

// Resume does nothing.
func (*Process) Resume() {}
