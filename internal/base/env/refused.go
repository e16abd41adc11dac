package env

import (
	"errors"
	"syscall"
)

// Refused reports whether a Dial failed because nobody listens at the address, on a machine that is there and says so.
func Refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
