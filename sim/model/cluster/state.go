package cluster

const (
	maxAgents = 3
	maxSlots  = 3
)

// clusterID is random: no two are alike. Zero is none.
type clusterID uint8

// draw is the id of the cluster that agent i founds the next time.
func (a *agent) draw(i int) clusterID { return clusterID(1 + i + maxAgents*int(a.foundings)) }

func (id clusterID) founder() uint8 { return uint8(id-1) % maxAgents }

// chain is a chain hash: the cluster whose genesis it began with, and in two bits by slot who wrote the valid entry there.
type chain uint16

// extend adds the valid entry that agent i wrote into slot n.
func (c chain) extend(n uint8, i int) chain { return c | chain(i+1)<<(2*(n-1)) }

// writer gives 1 + the agent that wrote the valid entry of slot n; 0: it is void.
func (c chain) writer(n uint8) int { return int(c>>(2*(n-1))) & 3 }

// upTo is the part of the chain up to slot n.
func (c chain) upTo(n uint8) chain { return c & (1<<(2*n) - 1) }

// state is all there is to know at one moment.
type state struct {
	slot     [maxSlots + 1]entry
	snapshot snapshot // the newest
	cluster  file

	agents   [maxAgents]agent
	flight   [maxAgents]entry     // by agent: its PUT of an entry that is under way …
	flightAt [maxAgents]uint8     // … and to which slot
	founding [maxAgents]clusterID // by agent: its PUT of that cluster.json is under way

	wiped uint8 // 1: the prefix is being wiped, or was
	lost  uint8 // 1: cluster.json was
	over  uint8 // 1: a cluster was founded over a journal
}

// The folders that are looked into.
const (
	journalFolder = iota
	snapshotFolder
)

// file is cluster.json.
type file struct {
	names clusterID // 0: it is not there
	era   era
}

// era is the time that something is of. No agent knows it; it is to judge by.
type era uint8

const (
	now    era = iota // since the prefix was wiped, if it was
	before            // an agent of the time before it was wiped, or what such an agent added later
	doomed            // what is deleted in the course of that
)

type entry struct {
	prev chain
	by   uint8 // 1 + the agent that wrote it; 0: no entry
	era  era
}

type snapshot struct {
	chain chain
	slot  uint8 // 0: there is none
	of    clusterID
	era   era
}

type phase uint8

const (
	out       phase = iota // it has not begun
	looking1               // cluster.json was not there: it looks at one folder
	looking2               // that was empty: it looks at the other
	creating               // both were empty: it may create cluster.json
	returning              // that was sent: it reads it back
	running
)

type agent struct {
	chain     chain
	phase     phase
	obeys     clusterID
	at        uint8 // last slot believed
	foundings uint8
	era       era
}
