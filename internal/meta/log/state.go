package log

import (
	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// State is the fold of the room's events: a persistent value. See the package comment for what may be shared.
type State struct {
	edit    *edit
	topics  btree.Map[uint32, *Topic]
	byName  btree.Map[string, uint32]
	byID    btree.Map[string, uint32] // the 16 bytes of the id
	byClash btree.Map[string, uint32] // names with '.' or '_', all '.' made '_': they clash in Kafka's metrics
	parts   btree.Map[base.PartitionKey, *Partition]
	files   btree.Map[uint64, File]
	riders  btree.Map[uint64, struct{}] // the files that ride, by number: in the order of their entries
	byULID  btree.Map[uint64, uint64]   // the last 64 bits of a file's ULID, which are random → its number

	nextTopic  uint32 // the number the next topic gets; from 1
	nextFile   uint64 // the number the next file gets; from 1
	nextPID    int64  // the producer id issued next
	partitions int    // of all topics
	riding     int64  // bytes of the riders
	digest     uint64

	slot base.Slot // of the entry whose events are decided or applied
}

// edit marks what was copied since the last fork: what bears the state's own mark may be changed in place.
type edit struct{ _ byte }

// New is the state before any event.
func New() *State {
	return &State{edit: new(edit), nextTopic: 1, nextFile: 1, nextPID: 1}
}

// Begin says which entry the events come from that are decided and applied from now on: what rides, rides in it.
func (s *State) Begin(slot base.Slot) { s.slot = slot }

// Fork gives a state that is equal. Neither it nor the receiver sees what is applied to the other afterwards.
func (s *State) Fork() *State {
	f := *s
	f.edit = new(edit)
	s.edit = new(edit)
	f.topics = *s.topics.Copy()
	f.byName = *s.byName.Copy()
	f.byID = *s.byID.Copy()
	f.byClash = *s.byClash.Copy()
	f.parts = *s.parts.Copy()
	f.files = *s.files.Copy()
	f.riders = *s.riders.Copy()
	f.byULID = *s.byULID.Copy()
	return &f
}

// Topic is one topic. Views share it: read only.
type Topic struct {
	Number     uint32
	ID         base.TopicID
	Name       string
	Partitions int32
	Configs    []config.KV // sorted by name
	Created    base.Millis
}

// Partition is one partition. Views share it: read only.
type Partition struct {
	edit      *edit
	Key       base.PartitionKey
	Start     int64 // log start offset
	End       int64 // high watermark: offset of the next record
	Epoch     int32 // leader epoch
	Extents   Extents
	producers producers
}

// Producer gives what the partition knows of a producer id; nil if nothing.
func (p *Partition) Producer(id int64) *Producer { return p.producers.get(id) }

// Producers calls yield for every producer the partition knows, in order of id, until it returns false.
func (p *Partition) Producers(yield func(id int64, _ *Producer) bool) {
	p.producers.each(func(pr *Producer) bool { return yield(pr.ID, pr) })
}

// TopicByName looks a topic up by its name.
func (s *State) TopicByName(name string) (*Topic, bool) {
	n, ok := s.byName.Get(name)
	if !ok {
		return nil, false
	}
	return s.topics.Get(n)
}

// TopicByID looks a topic up by its id.
func (s *State) TopicByID(id base.TopicID) (*Topic, bool) {
	n, ok := s.byID.Get(string(id[:]))
	if !ok {
		return nil, false
	}
	return s.topics.Get(n)
}

// Topic looks a topic up by its number.
func (s *State) Topic(number uint32) (*Topic, bool) { return s.topics.Get(number) }

// Topics calls yield for every topic in order of name, until it returns false.
func (s *State) Topics(yield func(*Topic) bool) {
	s.byName.Scan(func(_ string, n uint32) bool {
		t, _ := s.topics.Get(n)
		return yield(t)
	})
}

// TopicCount and PartitionCount tell how many there are.
func (s *State) TopicCount() int     { return s.topics.Len() }
func (s *State) PartitionCount() int { return s.partitions }

// Partition looks a partition up.
func (s *State) Partition(k base.PartitionKey) (*Partition, bool) { return s.parts.Get(k) }

// Finder looks partitions up one after another, fastest in order of key.
type Finder struct {
	it btree.MapIter[base.PartitionKey, *Partition]
	on bool // it stands on a partition
}

// Finder begins.
func (s *State) Finder() Finder { return Finder{it: s.parts.Iter()} }

// finderSteps is how far ahead of the partition before the next one is looked for before the tree is searched: a search takes as long.
const finderSteps = 4

// Partition looks a partition up.
func (f *Finder) Partition(k base.PartitionKey) (*Partition, bool) {
	for range finderSteps {
		if !f.on || f.it.Key() >= k {
			break
		}
		f.on = f.it.Next()
	}
	if !f.on || f.it.Key() != k {
		f.on = f.it.Seek(k)
	}
	if !f.on || f.it.Key() != k {
		return nil, false
	}
	return f.it.Value(), true
}

// PartitionOf looks partition index of a topic up by the topic's id.
func (s *State) PartitionOf(id base.TopicID, index int32) (*Topic, *Partition, bool) {
	t, ok := s.TopicByID(id)
	if !ok || index < 0 || index >= t.Partitions {
		return nil, nil, false
	}
	p, ok := s.parts.Get(base.KeyOf(t.Number, index))
	return t, p, ok
}

// Partitions calls yield for every partition in order of key, until it returns false.
func (s *State) Partitions(yield func(*Partition) bool) {
	s.parts.Scan(func(_ base.PartitionKey, p *Partition) bool { return yield(p) })
}

// Digest is a running hash over everything that was applied and what became of it: two replicas that applied the same
// entries and agree on the digest agree on the state.
func (s *State) Digest() uint64 { return s.digest }

// partition gives partition k for change; nil if there is none.
func (s *State) partition(k base.PartitionKey) *Partition {
	p, ok := s.parts.Get(k)
	if !ok {
		return nil
	}
	if p.edit == s.edit {
		return p
	}
	n := *p
	n.edit = s.edit
	n.producers.fork()
	s.parts.Set(k, &n)
	return &n
}
