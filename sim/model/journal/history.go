package journal

import "fmt"

// entryID stands for an entry's bytes, and so for its attempt id; chainID for a chain hash. Both are given out in the
// order of need, and depend on nothing but what they stand for.
type (
	entryID uint16
	chainID uint16
)

const (
	nothing entryID = 0
	absent  entryID = 1<<16 - 1
	genesis chainID = 0
)

// key is a command's number with the incarnation that gave it.
type key uint8

func newKey(agent int, life, number uint8) key { return key(uint8(agent)<<6 | life<<3 | number) }

func (k key) agent() int    { return int(k >> 6) }
func (k key) life() uint8   { return uint8(k) >> 3 & 7 }
func (k key) number() uint8 { return uint8(k) & 7 }

// verdict on a command: refused, or its place among all commands. Stands for all that depends on what came before it.
type verdict uint8

const refused verdict = 255

// outcome is a command in an entry: decided already.
type outcome struct {
	command uint8
	key     key // 0: no outcome
	verdict verdict
}

// entry is the content of one. Two attempts of an agent at a slot differ in what they decide; one that decides the same
// counts as the same bytes sent again.
type entry struct {
	slot, agent, life uint8
	prev              chainID
	outcomes          [maxCommands]outcome
}

// chain is a state: the fold of the valid entries up to one.
type chain struct {
	last     entryID
	outcomes []outcome // of all of them, in order
	broken   promise
}

// history knows every entry that was ever thought of, and every chain of them.
type history struct {
	m       *Model
	entries []entry
	chains  []chain
	ids     map[entry]entryID
	longer  map[uint32]chainID // by chain and entry
}

func newHistory(m *Model) *history {
	return &history{m: m, entries: make([]entry, 1), chains: make([]chain, 1), ids: map[entry]entryID{}, longer: map[uint32]chainID{}}
}

func (h *history) id(e entry) entryID {
	id, ok := h.ids[e]
	if !ok {
		id = entryID(len(h.entries))
		if id == absent {
			panic(fmt.Sprintf("%d entries are too many for their ids", id))
		}
		h.ids[e] = id
		h.entries = append(h.entries, e)
	}
	return id
}

// valid reports whether e continues chain c.
func (h *history) valid(c chainID, e entryID) bool {
	return h.entries[e].prev == c || h.m.without == ChainCheck
}

// extend is the chain after e; a void entry changes nothing.
func (h *history) extend(c chainID, e entryID) chainID {
	if !h.valid(c, e) {
		return c
	}
	at := uint32(c)<<16 | uint32(e)
	next, ok := h.longer[at]
	if !ok {
		next = chainID(len(h.chains))
		if next == 1<<16-1 {
			panic(fmt.Sprintf("%d chains are too many for their ids", next))
		}
		h.longer[at] = next
		h.chains = append(h.chains, h.apply(c, e))
	}
	return next
}

// apply folds one more entry in. What was decided is not decided again, but here it is looked whether it was right.
func (h *history) apply(c chainID, e entryID) chain {
	next := chain{last: e, broken: h.chains[c].broken}
	next.outcomes = append(next.outcomes, h.chains[c].outcomes...)
	for _, o := range h.entries[e].outcomes {
		if o.key == 0 {
			break
		}
		last := uint8(0) // number of the incarnation's last command
		for _, p := range next.outcomes {
			if p.command == o.command {
				next.broken = once
			}
			if p.key.agent() == o.key.agent() && p.key.life() == o.key.life() {
				last = p.key.number()
			}
		}
		switch {
		case next.broken != 0:
		case o.key.number() != last+1:
			next.broken = order
		case o.verdict != h.m.decide(next.outcomes, int(o.command)):
			next.broken = oneVerdict
		}
		next.outcomes = append(next.outcomes, o)
	}
	return next
}

// decide says what a command comes to after those outcomes.
func (m *Model) decide(before []outcome, command int) verdict {
	if m.Conditional && command == 1 {
		for _, o := range before {
			if o.command == 0 {
				return verdict(len(before) + 1)
			}
		}
		return refused
	}
	return verdict(len(before) + 1)
}

// lookup finds the verdict on a command in the table of a state; 0: it has none.
func lookup(outcomes []outcome, k key) verdict {
	for _, o := range outcomes {
		if o.key == k {
			return o.verdict
		}
	}
	return 0
}
