package explore

// watched is a Model that shows its states.
type watched[S comparable] struct {
	Model[S]
	look func(S)
}

func (w watched[S]) Check(s S) Verdict {
	w.look(s)
	return w.Model.Check(s)
}

// Watch gives m, and shows each state that is found to look: for tests that ask whether something ever comes about.
func Watch[S comparable](m Model[S], look func(S)) Model[S] { return watched[S]{m, look} }

// Scenes are the rare paths of a model, by name: a world in which they never come about proves nothing of them.
type Scenes[S comparable] map[string]func(S) bool

// Missing explores m, and gives the names of the scenes that never came about, and what came of the run.
func (x Scenes[S]) Missing(m Model[S], limit int) (missing map[string]bool, r Result) {
	missing = map[string]bool{}
	for name := range x {
		missing[name] = true
	}
	r = Run(Watch(m, func(s S) {
		for name := range missing {
			if x[name](s) {
				delete(missing, name)
			}
		}
	}), limit)
	return missing, r
}
