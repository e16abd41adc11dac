package journal

import (
	"slices"

	"github.com/millrace-io/millrace/sim/model/explore"
)

// propose sends a new entry: behind those that are under way, or in place of them, as nothing was heard of them. It holds
// any one of the commands that can be decided, or all.
func (m *Model) propose(s state, i int, emit func(explore.Step, state)) {
	m.proposeAt(s, i, s.agents[i].underWay(), emit)
	if s.agents[i].sent[0] != nothing {
		s.agents[i].drop()
		m.proposeAt(s, i, 0, emit)
	}
}

// underWay counts the entries sent and not heard of.
func (a *agent) underWay() int {
	j := 0
	for j < maxDepth && a.sent[j] != nothing {
		j++
	}
	return j
}

// proposeAt sends entries for slot+1+j, behind j others.
func (m *Model) proposeAt(s state, i, j int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	if j == m.Depth || int(a.slot)+1+j > m.Slots || !m.maySend(&s, i) {
		return
	}
	working := m.working(a)
	r := m.ready(&s, i, working)
	for k := range r.count {
		if r.alone[k] {
			m.send(s, i, j, working, r.commands[k:k+1], emit)
		}
	}
	if r.count > 1 {
		m.send(s, i, j, working, r.commands[:r.count], emit)
	}
}

func (m *Model) maySend(s *state, i int) bool {
	return int(s.agents[i].puts) < m.Puts && s.flight[maxFlight-1] == nothing
}

// working is the state that the next entry is decided on: what is believed and what was sent.
func (m *Model) working(a *agent) chainID {
	c := a.chain
	for _, e := range a.sent {
		if e != nothing {
			c = m.extend(c, e)
		}
	}
	return c
}

// ready lists the commands that agent i may decide on the working state, in this order.
type ready struct {
	commands [maxCommands]uint8
	alone    [maxCommands]bool // also without those before it
	count    int
}

func (m *Model) ready(s *state, i int, working chainID) (r ready) {
	done, numbers := m.chains[working].outcomes, s.agents[i].numbers
	last := key(0) // the last command that is ready
	for c, home := range m.Homes {
		k := s.key[c]
		if k == 0 && home == i {
			numbers++
			k = newKey(i, s.agents[i].life, numbers)
		}
		carries := m.Peers && k != 0 || home == i && k.life() == s.agents[i].life
		repeat := lookup(done, k) != 0 && m.without != CommandTable
		alone := k.number() == 1 || lookup(done, k-1) != 0 || m.without == GapRefused
		if !carries || repeat || !alone && last != k-1 {
			continue
		}
		last = k
		r.commands[r.count], r.alone[r.count] = uint8(c), alone
		r.count++
	}
	return r
}

// send decides the commands and sends the entry with them.
func (m *Model) send(s state, i, j int, working chainID, commands []uint8, emit func(explore.Step, state)) {
	a := &s.agents[i]
	e := entry{slot: a.slot + 1 + uint8(j), agent: uint8(i), life: a.life, prev: working}
	before := append(make([]outcome, 0, 2*maxCommands), m.chains[working].outcomes...)
	for k, c := range commands {
		if s.key[c] == 0 {
			a.numbers++
			s.key[c] = newKey(i, a.life, a.numbers)
		}
		e.outcomes[k] = outcome{c, s.key[c], m.decide(before, int(c))}
		before = append(before, e.outcomes[k])
	}
	id := m.id(e)
	if s.first[e.slot] == id || slices.Contains(s.flight[:], id) {
		return // it was sent before: resend's
	}
	a.sent[j], a.sentAge[j] = id, 0
	if m.serves(&s, i) {
		a.asked |= 1 << j
	}
	m.launch(&s, i, id)
	if m.without == AcksDurable {
		m.tellAll(&s, id)
	}
	emit(explore.Step{Text: "{who} sends {what}", Who: uint8(i), What: uint16(id)}, s)
}

// resend sends the same bytes once more: nothing was heard, or as a hedge.
func (m *Model) resend(s state, i int, emit func(explore.Step, state)) {
	e := s.agents[i].sent[0]
	if m.Resend && e != nothing && m.maySend(&s, i) {
		m.launch(&s, i, e)
		emit(explore.Step{Text: "{who} sends {what} once more", Who: uint8(i), What: uint16(e)}, s)
	}
}

// launch adds a PUT to those under way.
func (m *Model) launch(s *state, i int, e entryID) {
	s.agents[i].puts++
	k := maxFlight - 1
	for ; k > 0 && (s.flight[k-1] == nothing || s.flight[k-1] > e); k-- {
		s.flight[k] = s.flight[k-1]
	}
	s.flight[k] = e
}

// tell gives the agent's clients the replies that its state has for them.
func (m *Model) tell(s *state, i int) {
	for c, home := range m.Homes {
		if k := s.key[c]; home == i && k != 0 && k.life() == s.agents[i].life && s.told[c] == 0 {
			s.told[c] = lookup(m.chains[s.agents[i].chain].outcomes, k)
		}
	}
}

// tellAll gives clients the replies in an entry, whatever became of it: what no agent may do.
func (m *Model) tellAll(s *state, e entryID) {
	for _, o := range m.entries[e].outcomes {
		if o.key != 0 && s.told[o.command] == 0 {
			s.told[o.command] = o.verdict
		}
	}
}

// repeat tells a client from the working state what an entry under way says of its command: what no agent may do.
func (m *Model) repeat(s state, i int, emit func(explore.Step, state)) {
	if m.without != RepeatsBelieved {
		return
	}
	for c, home := range m.Homes {
		v := lookup(m.chains[m.working(&s.agents[i])].outcomes, s.key[c])
		if home == i && s.told[c] == 0 && v != 0 {
			n := s
			n.told[c] = v
			emit(explore.Step{Text: "{who} finds that c{n} is decided already, and says so", Who: uint8(i), N: uint8(c)}, n)
		}
	}
}
