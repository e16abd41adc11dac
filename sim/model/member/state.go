package member

const (
	maxAgents  = 3
	maxEntries = 12
)

// incarnation is an agent, and which of its lives; alive from 1.
type incarnation struct{ agent, life uint8 }

type kind uint8

const (
	none     kind = iota
	register      // who is registered
	expire        // who is expired
	adopt         // who is the member's tender
	expel         // the member's session is over
)

type entry struct {
	kind kind
	who  incarnation
}

// state is all there is to know at one moment.
type state struct {
	log    [maxEntries]entry
	length uint8
	agents [maxAgents]agent

	to      uint8 // the agent that the member takes for its tender
	beaten  uint8 // 1: it did its beat of this tick
	failed  uint8 // 1: the last one had no answer
	gone    uint8 // 1: it beats no more
	expired uint8 // expiries so far
	broken  uint8 // 1: it was expelled though it beat
}

type agent struct {
	at     uint8 // entries applied
	life   uint8
	quiet  uint8 // ticks since it heard the member, or granted it a session
	asleep sleep
}

// sleep is whether an agent does anything.
type sleep uint8

const (
	awake sleep = iota
	napping
	stalled // a tick has passed meanwhile
)

// view is the fold of the log.
type view struct {
	life   [maxAgents]uint8 // 0: not registered
	tender incarnation
	out    bool
}

func (s *state) fold(entries uint8) (v view) {
	for _, e := range s.log[:entries] {
		switch e.kind {
		case register:
			v.life[e.who.agent] = e.who.life
		case expire:
			v.life[e.who.agent] = 0
		case adopt:
			v.tender = e.who
		case expel:
			v.out = true
		}
	}
	return v
}

func (v *view) isLive(i incarnation) bool { return v.life[i.agent] == i.life }

func (s *state) self(i int) incarnation { return incarnation{uint8(i), s.agents[i].life} }

// serves: agent i answers requests.
func (s *state) serves(i int) bool {
	return s.agents[i].asleep == awake && s.agents[i].at == s.length
}
