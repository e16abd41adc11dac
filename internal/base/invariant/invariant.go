package invariant

import "fmt"

// Check panics with the text if cond is false. It is for checks that cost next to nothing and stay on in production;
// arguments are evaluated in any case, so it does not suit the hottest loops: there, write the if by hand and call
// Broken.
func Check(cond bool, format string, args ...any) {
	if !cond {
		Broken(format, args...)
	}
}

// Broken panics with the text.
func Broken(format string, args ...any) {
	panic("invariant broken: " + fmt.Sprintf(format, args...))
}
