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

// Violation is a broken promise. Check is its kind; those that Jepsen's Kafka workload knows have its names.
type Violation struct {
	Check, Text string
	At          time.Duration // virtual time since the run began
}

// The checks of the auditor.
const (
	// CheckLostWrite: acknowledged, and not at its offset. Never permitted.
	CheckLostWrite = "lost-write"
	// CheckDuplicate: a record that was sent by an idempotent producer, or sent once, is in the log twice. Kafka permits it to
	// plain producers that retry; those here do not.
	CheckDuplicate = "duplicate"
	// CheckInconsistentOffsets: two readers, or a reader and an acknowledgement, differ about an offset.
	CheckInconsistentOffsets = "inconsistent-offsets"
	// CheckNonmonotonicSend: records of one producer in one partition in another order than they were sent. Kafka permits it to
	// plain producers with several requests under way; to them it is not applied here.
	CheckNonmonotonicSend = "nonmonotonic-send"
	// CheckPhantom: a record that nobody sent.
	CheckPhantom = "phantom"
	// CheckStaleBarrier: a barrier's view lacks what was acknowledged before it began.
	CheckStaleBarrier = "stale-barrier"
	// CheckOffsetsBack: the end of a partition went back from one view of an agent to the next.
	CheckOffsetsBack = "offsets-back"
	// CheckDivergence: two agents have different states at the same slot.
	CheckDivergence = "divergence"
	// CheckState: a state breaks an invariant of its own.
	CheckState = "state-check"
	// CheckLogStart: a log start that nobody asked for, or one that went back.
	CheckLogStart = "log-start"
	// CheckLostCommit: a committed offset is not there, or one that was never sent is.
	CheckLostCommit = "lost-commit"
	// CheckProducerID: one producer id was issued twice.
	CheckProducerID = "producer-id-reuse"
	// CheckStuck: with all faults ended the cluster does not come to rest.
	CheckStuck = "stuck"
	// CheckFsck: millrace fsck finds damage, or agents miss what its repair took away.
	CheckFsck = "fsck"
)

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
	at       int   // position in the order of sending of its partition
	acked    int64 // offset it was acknowledged at; -1
	found    int64 // offset it was read at; -1
	gaveUp   bool
}

// Auditor holds what each client was told against what others see.
type Auditor struct {
	w     *sim.World
	marks Marks

	records   map[string]*record
	sendOrder [][]*record // by partition
	content   map[place]string
	ackedEnd  []int64 // by partition: offsets below were acknowledged
	trimmed   []int64 // by partition: records below were asked to be deleted
	starts    []int64 // by partition: the highest log start seen
	ids       map[int64]bool
	digests   map[base.Slot]uint64
	ends      map[string][]int64 // by agent: of the last view
	newest    base.Slot
	groupFacts
	clockFacts
	lives      map[base.Incarnation]*agent
	checked    base.Slot
	Violations []Violation
	Acked      int
}

func newAuditor(w *sim.World, marks Marks, partitions int) *Auditor {
	return &Auditor{w: w, marks: marks, groupFacts: newGroupFacts(partitions), clockFacts: clockFacts{}, lives: map[base.Incarnation]*agent{}, records: map[string]*record{}, sendOrder: make([][]*record, partitions), content: map[place]string{},
		ackedEnd: make([]int64, partitions), trimmed: make([]int64, partitions), starts: make([]int64, partitions), ids: map[int64]bool{}, digests: map[base.Slot]uint64{}, ends: map[string][]int64{}}
}

func (u *Auditor) violated(check, format string, args ...any) {
	v := Violation{check, fmt.Sprintf(format, args...), u.w.Elapsed()}
	u.w.Logf("VIOLATION %s: %s", v.Check, v.Text)
	if len(u.Violations) < violationsMax {
		u.Violations = append(u.Violations, v)
	}
}

// sent notes that a batch is about to be sent for the first time.
func (u *Auditor) sent(partition int32, producer int64, values []string) {
	for _, v := range values {
		r := &record{value: v, producer: producer, at: len(u.sendOrder[partition]), acked: -1, found: -1}
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
		r.acked = at
		if seen, ok := u.content[place{partition, at}]; ok && seen != v {
			u.violated(CheckInconsistentOffsets, "%s was acknowledged at %d/%d, where %s was read", v, partition, at, seen)
		}
		if r.found >= 0 && r.found != at {
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
	case r == nil:
		u.violated(CheckPhantom, "%q at %d/%d", value, partition, offset)
		return
	case r.found >= 0:
		u.violated(CheckDuplicate, "%s is at %d/%d and at %d", value, partition, r.found, offset)
	case r.acked >= 0 && r.acked != offset:
		u.violated(CheckInconsistentOffsets, "%s was acknowledged at %d/%d and read at %d", value, partition, r.acked, offset)
	}
	r.found = offset
}

// view notes what an agent has published.
func (u *Auditor) view(agent string, v meta.View) {
	digest := v.Digest()
	if known, ok := u.digests[v.Slot]; ok && known != digest {
		u.violated(CheckDivergence, "%s has another state after slot %d than others had", agent, v.Slot)
	}
	u.digests[v.Slot] = digest
	u.clock(agent, v)
	if v.Slot >= u.checked+100 {
		u.checked = v.Slot
		u.check(agent, v)
	}
	u.newest = max(u.newest, v.Slot)
	ends := endsOf(v)
	for i, was := range u.ends[agent] {
		if i >= len(ends) || ends[i] < was {
			u.violated(CheckOffsetsBack, "partition %d at %s ended at %d, and at slot %d: %v", i, agent, was, v.Slot, ends)
		}
	}
	u.ends[agent] = ends
}

// trimming notes that records below an offset are about to be deleted.
func (u *Auditor) trimming(partition int32, to int64) {
	u.trimmed[partition] = max(u.trimmed[partition], to)
}

// start notes a partition's log start in a barrier's view.
func (u *Auditor) start(agent string, partition int32, start int64) {
	switch old := u.starts[partition]; {
	case start > u.trimmed[partition]:
		u.violated(CheckLogStart, "at %s partition %d starts at %d, records were deleted up to %d", agent, partition, start, u.trimmed[partition])
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
			u.settleRecord(i, r, last)
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(u.content), comparePlaces) {
		if at.offset > u.trimmed[at.partition] {
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
func (u *Auditor) settleRecord(partition int, r *record, last map[string]*record) {
	if r.acked >= u.trimmed[partition] && r.found < 0 {
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
