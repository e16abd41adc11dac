package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/meta"
)

// Violation is a broken promise. Check is the name of what found it (see Checks).
type Violation struct {
	Check, Text string
	At          time.Duration // virtual time since the run began
}

// violationsMax ends a run: more of them tell nothing more.
const violationsMax = 20

// place is where a record is.
type place struct {
	partition int32
	offset    int64
}

// record is what is known of one value that a producer sent. Values are unique.
type record struct {
	value    string
	producer int64
	mayTwice bool  // a plain producer that retries: Kafka has it in the log more than once
	unasked  bool  // acks=0
	stamp    int64 // its timestamp, ms
	batch    *sentBatch
	index    int64 // in its batch
	acked    int64 // offset it was acknowledged at; -1
	found    int64 // offset it was read at first; -1
	gaveUp   bool
}

// sentBatch is where a record of a batch was read first.
type sentBatch struct{ index, offset int64 }

// Auditor holds what each client was told against what others see.
type Auditor struct {
	w     *sim.World
	marks Marks

	records   map[string]*record
	refused   map[string]bool   // values of batches that were refused for good
	sendOrder [][]*record       // by partition
	told      map[place]*record // what producers were told
	content   map[place]string  // what was read
	polled    map[place]bool    // given to a consumer
	ackedEnd  []int64           // by partition: offsets below were acknowledged
	gone      []int64           // by partition: records below were asked to be deleted, or retention lets them go
	starts    []int64           // by partition: the highest log start seen
	ids       map[int64]bool    // producer ids
	digests   map[base.Slot]uint64
	ends      map[string][]int64 // by agent: of the last view
	newest    base.Slot
	last      meta.View // of the newest slot
	keeps     retention
	tenders   map[string]base.Incarnation // by member
	levels    levels
	groupFacts
	clockFacts
	number     map[base.Incarnation]*agent
	checked    base.Slot
	Violations []Violation
	Acked      int
}

func newAuditor(w *sim.World, marks Marks, partitions int) *Auditor {
	return &Auditor{w: w, marks: marks, groupFacts: newGroupFacts(partitions), records: map[string]*record{}, refused: map[string]bool{},
		sendOrder: make([][]*record, partitions), told: map[place]*record{}, content: map[place]string{}, polled: map[place]bool{},
		ackedEnd: make([]int64, partitions), gone: make([]int64, partitions), starts: make([]int64, partitions), ids: map[int64]bool{},
		digests: map[base.Slot]uint64{}, ends: map[string][]int64{}, tenders: map[string]base.Incarnation{}, levels: levels{written: map[base.Slot]uint16{}},
		clockFacts: clockFacts{}, number: map[base.Incarnation]*agent{}}
}

func (u *Auditor) violated(check, format string, args ...any) {
	if !isCheck(check) {
		panic("a check that is not in the list: " + check)
	}
	v := Violation{check, fmt.Sprintf(format, args...), u.w.Elapsed()}
	u.w.Logf("VIOLATION %s: %s", v.Check, v.Text)
	if len(u.Violations) < violationsMax {
		u.Violations = append(u.Violations, v)
	}
}

// sent notes that a producer is about to send a batch for the first time.
func (u *Auditor) sent(partition int32, by *producer, stamp int64, values []string) {
	b := &sentBatch{offset: -1}
	for i, v := range values {
		r := &record{value: v, batch: b, index: int64(i), producer: by.id, mayTwice: by.retries && !by.idempotent, unasked: by.acks == 0, stamp: stamp, acked: -1, found: -1}
		u.records[v] = r
		u.sendOrder[partition] = append(u.sendOrder[partition], r)
	}
}

// acked notes that a client was told where its batch is.
func (u *Auditor) acked(partition int32, first int64, values []string) {
	for i, v := range values {
		r, at := u.records[v], first+int64(i)
		if r.acked == -1 {
			u.Acked++
		}
		r.acked, u.told[place{partition, at}] = at, r
		if seen, ok := u.content[place{partition, at}]; ok && seen != v {
			u.violated(CheckInconsistentOffsets, "%s was acknowledged at %d/%d, where %s was read", v, partition, at, seen)
		}
		if r.found >= 0 && r.found != at && !r.mayTwice {
			u.violated(CheckInconsistentOffsets, "%s was acknowledged at %d/%d, and read at %d", v, partition, at, r.found)
		}
	}
	u.ackedEnd[partition] = max(u.ackedEnd[partition], first+int64(len(values)))
}

// gaveUp notes that a client does not know what became of a batch, and never will.
func (u *Auditor) gaveUp(values []string) {
	for _, v := range values {
		u.records[v].gaveUp = true
	}
}

// knows reports whether a reader saw the value.
func (u *Auditor) knows(value string) bool { return u.records[value].found >= 0 }

// refusedForGood notes values that nobody may ever see, as their batch is damaged.
func (u *Auditor) refusedForGood(values []string) {
	for _, v := range values {
		u.refused[v] = true
	}
}

// issued notes a producer id given to a client.
func (u *Auditor) issued(id int64) {
	if u.ids[id] {
		u.violated(CheckProducerID, "producer id %d", id)
	}
	u.ids[id] = true
}

// read notes that a reader found value at an offset.
func (u *Auditor) read(partition int32, offset int64, value string) {
	at := place{partition, offset}
	if old, ok := u.content[at]; ok {
		if old != value {
			u.violated(CheckInconsistentOffsets, "offset %d/%d held %s and now %s", partition, offset, old, value)
		}
		return
	}
	u.content[at] = value
	r := u.records[value]
	switch {
	case u.refused[value]:
		u.violated(CheckG1a, "%q, of a batch that was refused, is at %d/%d", value, partition, offset)
		return
	case r == nil:
		u.violated(CheckPhantom, "%q at %d/%d", value, partition, offset)
		return
	case r.found >= 0 && r.mayTwice:
		u.marks.Hit(BatchDoubled)
		return
	case r.found >= 0:
		u.violated(CheckDuplicate, "%s is at %d/%d and at %d", value, partition, r.found, offset)
		return
	case r.acked >= 0 && r.acked != offset && !r.mayTwice:
		u.violated(CheckInconsistentOffsets, "%s was acknowledged at %d/%d and read at %d", value, partition, r.acked, offset)
	}
	if r.unasked {
		u.marks.Hit(BatchUnasked)
	}
	r.found = offset
	u.inBatch(partition, r)
}

// inBatch holds where a record was read against where another of its batch was.
func (u *Auditor) inBatch(partition int32, r *record) {
	b := r.batch
	if b.offset < 0 {
		b.index, b.offset = r.index, r.found
	}
	by, want := r.found-b.offset, r.index-b.index
	switch {
	case by == want || r.mayTwice: // of a batch that is there twice, parts of either were read
	case by*want <= 0:
		u.violated(CheckIntNonmonotonicSend, "record %d of a batch is at %d/%d, and record %d, %s, at %d", b.index, partition, b.offset, r.index, r.value, r.found)
	default:
		u.violated(CheckIntSendSkip, "record %d of a batch is at %d/%d, and record %d, %s, at %d", b.index, partition, b.offset, r.index, r.value, r.found)
	}
}

// view notes what an agent has published.
func (u *Auditor) view(agent string, v meta.View) {
	digest := v.Digest()
	if known, ok := u.digests[v.Slot]; ok && known != digest {
		u.violated(CheckDivergence, "%s has another state after slot %d than others had", agent, v.Slot)
	}
	u.digests[v.Slot] = digest
	u.clock(agent, v)
	if v.Slot >= u.checked+checkEvery {
		u.checked = v.Slot
		u.check(agent, v)
	}
	ends := endsOf(v)
	for i, was := range u.ends[agent] {
		if i >= len(ends) || ends[i] < was {
			u.violated(CheckOffsetsBack, "partition %d at %s ended at %d, and at slot %d: %v", i, agent, was, v.Slot, ends)
		}
	}
	u.ends[agent] = ends
	if v.Slot > u.newest {
		u.newer(agent, v)
	}
}

// checkEvery is how many entries pass between two states that are held against their own invariants: that costs what the
// state holds.
const checkEvery = 50

// newer notes the first view of a slot after all that were seen.
func (u *Auditor) newer(agent string, v meta.View) {
	u.level(v)
	u.letGo(agent, u.last, v)
	u.adopted(v)
	u.newest, u.last = v.Slot, v
}

// trimming notes that records below an offset are about to be deleted.
func (u *Auditor) trimming(partition int32, to int64) {
	u.gone[partition] = max(u.gone[partition], to)
}

// start notes a partition's log start in a view.
func (u *Auditor) start(agent string, partition int32, start int64) {
	switch old := u.starts[partition]; {
	case start > u.gone[partition]:
		u.violated(CheckLogStart, "at %s partition %d starts at %d, records may be gone up to %d", agent, partition, start, u.gone[partition])
	case start > old:
		u.starts[partition] = start
		u.marks.Hit(RecordsDeleted)
	}
}

func (u *Auditor) check(agent string, v meta.View) {
	if err := v.Check(); err != nil {
		u.violated(CheckState, "%s after slot %d: %v", agent, v.Slot, err)
	}
}

// endsOf gives the end of every partition of the one topic.
func endsOf(v meta.View) []int64 {
	t, ok := v.Log.TopicByName(topicName)
	if !ok {
		return nil
	}
	ends := make([]int64, t.Partitions)
	for i := range t.Partitions {
		p, _ := v.Log.Partition(base.KeyOf(t.Number, i))
		ends[i] = p.End
	}
	return ends
}

// barrier holds a barrier's view against what was acknowledged before it began.
func (u *Auditor) barrier(agent string, v meta.View, before []int64) {
	for i, end := range endsOf(v) {
		if end < before[i] {
			u.violated(CheckStaleBarrier, "at %s partition %d ends at %d after a barrier, offsets below %d had been acknowledged", agent, i, end, before[i])
		}
	}
}

// settle holds the whole log, read to its end, against all that was promised.
func (u *Auditor) settle() {
	for i, order := range u.sendOrder {
		last := map[string]*record{}
		for _, r := range order {
			u.settleRecord(int32(i), r, last)
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(u.content), comparePlaces) {
		if at.offset > u.gone[at.partition] {
			if _, ok := u.content[place{at.partition, at.offset - 1}]; !ok {
				u.violated(CheckLostWrite, "offset %d/%d was never read, the one after it was", at.partition, at.offset-1)
			}
		}
	}
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
}

// settleRecord: acknowledged records are in the order of their sending, across all lives of a producer; those whose
// outcome the client does not know, among those of the same producer id.
func (u *Auditor) settleRecord(partition int32, r *record, last map[string]*record) {
	if r.acked >= u.gone[partition] && u.content[place{partition, r.acked}] != r.value {
		u.violated(CheckLostWrite, "%s was acknowledged at %d/%d and is not there", r.value, partition, r.acked)
	}
	if r.gaveUp && r.found >= 0 {
		u.marks.Hit(BatchUnknownThere)
	}
	if r.found < 0 || r.producer < 0 {
		return
	}
	streams := []string{fmt.Sprint("id ", r.producer)}
	if r.acked >= 0 {
		streams = append(streams, "acked "+producerOf(r.value))
	}
	for _, k := range streams {
		if before := last[k]; before != nil && before.found > r.found {
			u.violated(CheckNonmonotonicSend, "%s was sent before %s and is at %d/%d, behind it at %d", before.value, r.value, partition, before.found, r.found)
		}
		last[k] = r
	}
}

// unseen looks for acknowledged records that no consumer was given, though all have read to the end.
func (u *Auditor) unseen() {
	for i, order := range u.sendOrder {
		for _, r := range order {
			if r.acked >= max(u.gone[i], u.starts[i]) && !u.polled[place{int32(i), r.acked}] {
				u.violated(CheckUnseen, "%s was acknowledged at %d/%d, and no consumer was given it", r.value, i, r.acked)
			}
		}
	}
}
