//go:build plant

package plant

import "sync/atomic"

var left atomic.Uint32

// LeftOut reports whether a rule is left out.
func LeftOut(r Rule) bool { return left.Load() == uint32(r) }

// Leave has the process leave out one rule from now on, in place of any other; Nothing: none. Worlds of one rule may run
// side by side, those of different rules may not.
func Leave(r Rule) { left.Store(uint32(r)) }

// Rules lists all that can be left out.
func Rules() []Rule {
	all := make([]Rule, 0, rules-1)
	for r := Nothing + 1; r < rules; r++ {
		all = append(all, r)
	}
	return all
}
