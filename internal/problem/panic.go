package problem

import (
	"fmt"
	"runtime/debug"
)

// CatchPanic makes a panic the error *err, with the stack in its text. Defer it in what
// runs for many callers, or for none: there, net/http does not catch the panic, and it
// would end the process.
func CatchPanic(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
}
