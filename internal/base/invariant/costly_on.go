//go:build millrace_invariants

package invariant

// Costly is true in builds with the tag millrace_invariants. Write "if invariant.Costly { check() }" around checks that
// cost more than the work they guard; in other builds the compiler drops them.
const Costly = true
