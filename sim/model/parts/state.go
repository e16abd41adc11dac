package parts

const (
	maxSnapshots = 4
	maxMakers    = 2
	maxSweepers  = 2
	maxParts     = maxSnapshots * maxMakers
)

// partID is 1 + the place of a part in state.parts; 0 is none. Who makes snapshot n writes a part of its own.
type partID uint8

// state is all there is to know at one moment. Ages are in ticks, and stop at W.
type state struct {
	snapshots [maxSnapshots + 1]snapshot // by slot
	parts     [maxParts]object
	makers    [maxMakers]maker
	sweepers  [maxSweepers]sweeper
}

// object is one in the bucket.
type object struct {
	there uint8 // 1: it is
	age   uint8 // since its Last-Modified
}

// snapshot is the manifest in the bucket.
type snapshot struct {
	object
	part partID
	late uint8 // 1: it was created after its deadline
}

type phase uint8

const (
	idle  phase = iota
	dated       // it has the Date
	ready       // it has listed, and chosen: a maker's manifest is under way
)

// maker is an agent that makes snapshots.
type maker struct {
	base  uint8 // slot of the snapshot it loaded or wrote last; 0: none
	phase phase
	slot  uint8 // of the snapshot it makes
	part  partID
	left  uint8 // ticks to the deadline, and one; 0: it has passed
}

// sweeper is an agent that truncates.
type sweeper struct {
	phase     phase
	old       uint8  // bits by slot: the snapshots that were W old at the Date
	oldParts  uint16 // bits by part: as old
	listed    uint8  // bits by slot: what it listed before the Date, without ListedAfter
	snapshots uint8  // bits by slot: to be deleted
	parts     uint16 // bits by part: to be deleted
}
