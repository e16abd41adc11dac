package journal

import "github.com/millrace-io/millrace/sim/model/explore"

// World bounds what happens, so that all of it can be seen. Not more than maxFlight PUTs are under way at once.
type World struct {
	Slots     int   // of the journal
	Homes     []int // by command: the agent whose client sends it; as many agents as it takes
	Agents    int
	Depth     int // entries that an agent may have under way; 1: no pipelining
	Puts      int // of entries, by each agent in all its lives
	Crashes   int // in all
	Snapshots int // in all

	// Half is W/2 and W is W, in ticks. An age is compared in whole ticks, so that Half 1 and W 2 are as good as any:
	// "younger than W/2", "between" and "W or older" can be told apart.
	Half, W int
	// Skew is by how much the Date that truncation goes by may be ahead of the others, in ticks.
	Skew int

	Resend        bool // an agent sends the same bytes again
	Conditional   bool // command 1 is refused unless command 0 came before it
	Peers         bool // commands are forwarded, entries streamed
	Pages         bool // listings take two requests
	ReadAhead     bool // the slot after next may be read, too
	LateSnapshots bool // a snapshot may be created long after it was sent
	OnlyListings  bool // rule R by method (a) alone: a store whose clock may step back
	Requests      int  // of clients that want an answer after a barrier
	Recovery      bool // check that every agent can go on, in every state, once faults end
}

// Model is a World, with the rules of the design but one.
type Model struct {
	World
	without explore.Rule
	tooOld  uint8 // an anchor of that age covers nothing any more
	alike   bool  // the agents are, before they begin
	exact   bool  // without reduce: a test compares
	*history
}

// New makes the model of a world without that rule; "" is with all of them.
func New(w World, without explore.Rule) *Model {
	m := &Model{World: w, without: without}
	switch without {
	case HalfOfW:
		m.Half = m.W
	case ClocksAgree:
		m.Skew = m.W - m.Half
	}
	m.tooOld = uint8(2*m.Half + 1)
	sent := map[int]int{}
	for _, home := range w.Homes {
		sent[home]++
	}
	m.alike = !w.Conditional
	for i := range w.Agents {
		m.alike = m.alike && sent[i] == sent[0]
	}
	m.history = newHistory(m)
	return m
}

// Start is an empty bucket, and agents that have not begun.
func (m *Model) Start() state {
	var s state
	for i := range m.Agents {
		s.agents[i].anchor = m.tooOld
	}
	return s
}

// Steps gives all that can happen next.
func (m *Model) Steps(s state, give func(explore.Step, state)) {
	emit := func(step explore.Step, n state) {
		if !m.exact {
			m.reduce(&n)
		}
		give(step, n)
	}
	m.passTime(s, emit)
	m.landPuts(s, emit)
	m.landSnapshots(s, emit)
	m.truncate(s, emit)
	for i := range m.Agents {
		if m.mayBegin(&s, i) {
			m.act(s, i, emit)
		}
	}
}

// act is what one agent can do. One that does nothing is asleep, or slow: it needs no step of its own.
func (m *Model) act(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	m.crash(s, i, emit)
	m.ask(s, i, emit)
	switch {
	case a.page != 0:
		m.listOn(s, i, emit)
	case a.phase == loading:
		m.load(s, i, emit)
	case a.phase == running && a.saw[0].entry != nothing && m.believable(a, a.saw[0]):
		m.hearProbe(s, i, emit)
	case a.phase == starting || a.saw[0].entry != nothing:
		m.list(s, i, emit)
	default:
		m.read(s, i, emit)
		m.readAhead(s, i, emit)
		m.propose(s, i, emit)
		m.resend(s, i, emit)
		m.snapshot(s, i, emit)
		m.forward(s, i, emit)
		m.follow(s, i, emit)
		m.refuse(s, i, emit)
		m.repeat(s, i, emit)
		m.answer(s, i, emit)
	}
}

// mayBegin breaks a symmetry: agents that have not begun and have as many commands to send are alike, so the first of
// them may as well begin first.
func (m *Model) mayBegin(s *state, i int) bool {
	return !m.alike || i == 0 || s.agents[i].begun == 1 || s.agents[i-1].begun == 1
}

// crash: the process is gone, with all it knew; another one starts. What it sent is still under way.
func (m *Model) crash(s state, i int, emit func(explore.Step, state)) {
	a := &s.agents[i]
	if int(s.crashes) == m.Crashes || a.begun == 0 {
		return
	}
	s.crashes++
	fresh := agent{begun: 1, life: a.life + 1, puts: a.puts, anchor: m.tooOld}
	if m.without == IncarnationsNew {
		fresh.life = a.life
	}
	*a = fresh
	if int(s.request.agent) == i+1 {
		s.endRequest()
	}
	emit(explore.Step{Text: "{who} crashes, and starts again", Who: uint8(i)}, s)
}
