package session

const (
	maxAgents   = 3
	maxEntries  = 12 // a world has fewer, so that there is room for the check that agents recover
	maxCommands = 3
	maxFlight   = 3
	maxIssued   = 8 // incarnations
)

// state is all there is to know at one moment.
type state struct {
	agents  [maxAgents]agent
	log     [maxEntries]event // the valid entries, each of one event
	length  uint8
	flight  [maxFlight]event   // entries under way, decided on the whole log
	sent    [maxCommands]key   // by command: its number, once it has one …
	marks   [maxCommands]uint8 // … and the watermark sent with it: the agent has the verdicts up to that number
	told    [maxCommands]reply
	crashes uint8
	expired uint8 // expiries proposed
}

// agent is the memory of one process, but for life: another process of the agent has another one.
type agent struct {
	at      uint8 // entries applied
	life    uint8
	bears   uint8 // the incarnation it takes for its own; 0: none yet
	numbers uint8 // given to commands under that
}

// nonce is what a process registers under: random, so never that of another process.
type nonce struct{ agent, life uint8 }

// key is a command's number with the incarnation it is under.
type key struct{ incarnation, number uint8 }

type reply uint8

const (
	done reply = iota + 1
	unknown
	failed
)

type kind uint8

const (
	none kind = iota
	register
	expire
	command
)

// event is what an entry says.
type event struct {
	kind        kind
	nonce       nonce // register
	incarnation uint8 // register: the one issued; expire
	key         key   // command
	command     uint8
	watermark   uint8
}

// sessions is the fold of the log.
type sessions struct {
	issued uint8
	bearer [maxIssued + 1]nonce
	live   [maxIssued + 1]bool
	next   [maxIssued + 1]uint8 // number of the next command
}

// fold reads the first entries of the log.
func (s *state) fold(entries uint8) (f sessions) {
	for _, e := range s.log[:entries] {
		switch e.kind {
		case register:
			f.issued = max(f.issued, e.incarnation)
			f.bearer[e.incarnation], f.live[e.incarnation], f.next[e.incarnation] = e.nonce, true, 1
		case expire:
			f.live[e.incarnation] = false
		case command:
			f.next[e.key.incarnation] = e.key.number + 1
		}
	}
	return f
}

// isKept: the state after the first entries of the log still has the verdict on the command with this key. It goes with its
// session, and when a later command of that says that the agent has it.
func (s *state) isKept(k key, entries uint8) bool {
	kept := false
	for _, e := range s.log[:entries] {
		switch {
		case e.kind == expire && e.incarnation == k.incarnation:
			return false
		case e.kind == command && e.key == k:
			kept = true
		case e.kind == command && e.key.incarnation == k.incarnation && e.watermark >= k.number:
			return false
		}
	}
	return kept
}

// isDecided: among the first entries of the log is that of the command with this key.
func (s *state) isDecided(k key, entries uint8) bool {
	for _, e := range s.log[:entries] {
		if e.kind == command && e.key == k {
			return true
		}
	}
	return false
}
