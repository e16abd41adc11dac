package journal

// Bounds of what a state has room for; a World stays below them.
const (
	maxSlots    = 4 + 1 // and one for the check that agents recover
	maxAgents   = 3
	maxCommands = 4
	maxDepth    = 2
	maxFlight   = 6
)

// state is all there is to know at one moment. Ages are in ticks, and stop where it makes no difference any more.
type state struct {
	bucket
	agents [maxAgents]agent
	flight [maxFlight]entryID // PUTs under way, in order of id: each may be done at any time, or never

	key  [maxCommands]key     // by command: its number; 0: none yet
	told [maxCommands]verdict // by command: what its client was told

	request   request
	spread    uint8 // entries up to this slot were believed by somebody, and so may come by a stream at any time
	snapshots uint8 // made so far
	crashes   uint8
	broken    promise
}

// bucket is what is stored, and what was.
type bucket struct {
	slot [maxSlots + 1]entryID // by slot; nothing: not there
	age  [maxSlots + 1]uint8   // since the object's Last-Modified
	snap [maxSlots + 1]uint8   // by slot: 1 + age of its snapshot; 0: none
	late uint8                 // bits by slot: a snapshot of it is under way

	// What nobody knows, to judge by: what each slot was when it was created first, the chain after it (as far as no slot
	// is missing), the last slot before one is missing, and whether what it holds now is not its first object.
	first [maxSlots + 1]entryID
	after [maxSlots + 1]chainID
	tail  uint8
	again uint8 // bits by slot
}

// agent is one agent's memory. All of it but begun, life and puts is lost when it crashes.
type agent struct {
	chain   chainID            // of the valid entries up to slot
	sent    [maxDepth]entryID  // its entries for slot+1, slot+2 …
	saw     [maxDepth]sighting // what it saw of these slots and does not believe yet
	phase   phase
	slot    uint8           // the last one believed
	anchor  uint8           // age of the newest anchor; tooOld: none
	sentAge [maxDepth]uint8 // of the last Date received before sent was sent first
	asked   uint8           // bits by place in sent: begun after the request that waits for a barrier

	page    uint8 // a listing is at snapshots from this one on; 0: none is under way
	found   uint8 // the newest snapshot that the listing showed; when loading, the one to load
	listAge uint8 // of the last Date received before the listing's first request

	begun   uint8 // 1: it did something
	life    uint8 // which incarnation it is
	puts    uint8 // sent in all lives
	numbers uint8 // given to commands in this life
}

type phase uint8

const (
	starting phase = iota // it has to list the snapshots
	loading
	running
)

// sighting is what one response of the bucket showed of a slot.
type sighting struct {
	entry entryID // absent: the slot was empty; nothing: there is no sighting
	age   uint8   // since the response's own Date
	marks mark
}

type mark uint8

const (
	heard     mark = 1 << iota // the answer to this agent's own PUT, not a GET
	asked                      // begun after the request that waits for a barrier
	meanwhile                  // a listing was under way
	wrong                      // nobody knows, but: this is not what the slot was first created as
)
