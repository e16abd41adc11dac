package log

import (
	"fmt"
	"sort"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Snapshot parts of this room, by key. Bodies are in the encodings of base/codec; lists begin with their count.
//
//	log/meta            nextTopic, nextFile, nextPID, digest
//	log/topics/TTTTTT   topics with number>>8 = T: number, id, name, partitions, configs, created
//	log/files/FFFFFFFF  files with number>>12 = F: number, ref, size, last modified, references, released
//	log/heads/SS        partitions of shard S: key, start, end, epoch, first chunk, extents to skip, full chunks,
//	                    the extents of the tail chunk, the producers
//	log/chunks/SS/GGGGGG  full chunks of shard S with chunk number>>4 = G: key, chunk number, 64 extents
//
// A part of full chunks stops changing once every partition of its shard has passed it: history is uploaded once.
const (
	headShards     = 64
	topicPartShift = 8
	filePartShift  = 12
	chunkPartShift = 4
)

func shardOf(k base.PartitionKey) int { return int(uint64(k) * 0x9E3779B97F4A7C15 >> 58) }

// Part is one part of a snapshot. Changed is false when the same part of the previous state has the same body.
type Part struct {
	Key     string
	Changed bool
	Encode  func() []byte
}

// Parts lists the parts of s in order of key. prev, which may be nil, is the state of the snapshot before.
func (s *State) Parts(prev *State) []Part {
	if prev == nil {
		prev = New()
	}
	b := partsBuilder{s: s, parts: map[string]*Part{}}
	b.add("log/meta", true, func() []byte { return s.encodeMeta() })
	b.topics(prev)
	b.files(prev)
	b.heads(prev)
	out := make([]Part, 0, len(b.parts))
	for _, p := range b.parts {
		out = append(out, *p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

type partsBuilder struct {
	s     *State
	parts map[string]*Part
}

func (b *partsBuilder) add(key string, changed bool, encode func() []byte) {
	p, ok := b.parts[key]
	if !ok {
		p = &Part{Key: key, Encode: encode}
		b.parts[key] = p
	}
	p.Changed = p.Changed || changed
}

// touch marks a part as changed, if it is there: something that it held before is gone.
func (b *partsBuilder) touch(key string) {
	if p, ok := b.parts[key]; ok {
		p.Changed = true
	}
}

func (s *State) encodeMeta() []byte {
	var w codec.Writer
	w.Uvarint(uint64(s.nextTopic))
	w.Uvarint(s.nextFile)
	w.Uvarint(uint64(s.nextPID))
	w.Uint64(s.digest)
	return w.B
}

func topicPart(number uint32) string { return fmt.Sprintf("log/topics/%06d", number>>topicPartShift) }

func (b *partsBuilder) topics(prev *State) {
	s := b.s
	s.topics.Scan(func(n uint32, t *Topic) bool {
		old, _ := prev.topics.Get(n)
		b.add(topicPart(n), old != t, func() []byte { return s.encodeTopics(n >> topicPartShift) })
		return true
	})
	prev.topics.Scan(func(n uint32, _ *Topic) bool {
		if _, ok := s.topics.Get(n); !ok {
			b.touch(topicPart(n))
		}
		return true
	})
}

func (s *State) encodeTopics(part uint32) []byte {
	var w codec.Writer
	s.topics.Ascend(part<<topicPartShift, func(n uint32, t *Topic) bool {
		if n>>topicPartShift != part {
			return false
		}
		w.Uvarint(uint64(n))
		w.Raw(t.ID[:])
		w.String(t.Name)
		w.Varint(int64(t.Partitions))
		config.EncodeKVs(&w, t.Configs)
		w.Varint(int64(t.Created))
		return true
	})
	return w.B
}

func filePart(number uint64) string { return fmt.Sprintf("log/files/%08d", number>>filePartShift) }

func (b *partsBuilder) files(prev *State) {
	s := b.s
	s.files.Scan(func(n uint64, f File) bool {
		old, ok := prev.files.Get(n)
		b.add(filePart(n), !ok || old != f, func() []byte { return s.encodeFiles(n >> filePartShift) })
		return true
	})
	prev.files.Scan(func(n uint64, _ File) bool {
		if _, ok := s.files.Get(n); !ok {
			b.touch(filePart(n))
		}
		return true
	})
}

func (s *State) encodeFiles(part uint64) []byte {
	var w codec.Writer
	s.files.Ascend(part<<filePartShift, func(n uint64, f File) bool {
		if n>>filePartShift != part {
			return false
		}
		w.Uvarint(n)
		encodeRef(&w, f.Ref)
		w.Varint(f.SizeBytes)
		w.Varint(int64(f.LastModified))
		w.Uvarint(uint64(f.Refs))
		w.Varint(int64(f.Released))
		return true
	})
	return w.B
}

func headPart(shard int) string { return fmt.Sprintf("log/heads/%02d", shard) }

func chunkPart(shard int, gen uint64) string { return fmt.Sprintf("log/chunks/%02d/%06d", shard, gen) }

func (b *partsBuilder) heads(prev *State) {
	s := b.s
	s.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		old, _ := prev.parts.Get(k)
		shard := shardOf(k)
		b.add(headPart(shard), old != p, func() []byte { return s.encodeHeads(shard) })
		b.chunks(shard, p, old)
		return true
	})
	prev.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		if _, ok := s.parts.Get(k); !ok {
			b.touch(headPart(shardOf(k)))
			for i := 0; i < p.Extents.full(); i++ {
				b.touch(chunkPart(shardOf(k), (p.Extents.first+uint64(i))>>chunkPartShift))
			}
		}
		return true
	})
}

func (b *partsBuilder) chunks(shard int, p, old *Partition) {
	s := b.s
	for i := 0; i < p.Extents.full(); i++ {
		n := p.Extents.first + uint64(i)
		gen := n >> chunkPartShift
		b.add(chunkPart(shard, gen), old == nil || old.Extents.at(n) != p.Extents.chunks[i], func() []byte { return s.encodeChunks(shard, gen) })
	}
	if old == nil {
		return
	}
	for n := old.Extents.first; n < min(p.Extents.first, old.Extents.first+uint64(old.Extents.full())); n++ {
		b.touch(chunkPart(shard, n>>chunkPartShift))
	}
}

// full is the number of full chunks.
func (x *Extents) full() int {
	n := len(x.chunks)
	if n > 0 && len(x.chunks[n-1].extents) < ChunkExtents {
		n--
	}
	return n
}

// at gives the full chunk of that number; nil if there is none.
func (x *Extents) at(number uint64) *chunk {
	if number < x.first || number >= x.first+uint64(x.full()) {
		return nil
	}
	return x.chunks[number-x.first]
}

func (s *State) encodeHeads(shard int) []byte {
	var w codec.Writer
	s.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		if shardOf(k) == shard {
			p.encodeHead(&w)
		}
		return true
	})
	return w.B
}

func (p *Partition) encodeHead(w *codec.Writer) {
	w.Uint64(uint64(p.Key))
	w.Uvarint(uint64(p.Start))
	w.Uvarint(uint64(p.End))
	w.Varint(int64(p.Epoch))
	full := p.Extents.full()
	w.Uvarint(p.Extents.first)
	w.Uvarint(uint64(p.Extents.skip))
	w.Uvarint(uint64(full))
	var tail []Extent
	if full < len(p.Extents.chunks) {
		tail = p.Extents.chunks[full].extents
	}
	encodeExtents(w, tail)
	n := 0
	if p.producers != nil {
		n = p.producers.Len()
	}
	w.Uvarint(uint64(n))
	p.Producers(func(id int64, pr *Producer) bool {
		w.Varint(id)
		pr.encode(w)
		return true
	})
}

func (pr *Producer) encode(w *codec.Writer) {
	w.Varint(pr.LastOffset)
	w.Varint(int64(pr.LastSeen))
	w.Varint(int64(pr.Epoch))
	w.Varint(int64(pr.firstSeq))
	w.Uint8(pr.n)
	for i := 0; i < int(pr.n); i++ {
		w.Varint(int64(pr.lastSeq[i]))
		w.Uvarint(uint64(pr.baseBack[i]))
	}
}

func (s *State) encodeChunks(shard int, gen uint64) []byte {
	var w codec.Writer
	s.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		if shardOf(k) != shard {
			return true
		}
		for n := gen << chunkPartShift; n < (gen+1)<<chunkPartShift; n++ {
			if c := p.Extents.at(n); c != nil {
				w.Uint64(uint64(k))
				w.Uvarint(n)
				encodeExtents(&w, c.extents)
			}
		}
		return true
	})
	return w.B
}

func encodeExtents(w *codec.Writer, es []Extent) {
	w.Uvarint(uint64(len(es)))
	for _, e := range es {
		w.Uvarint(uint64(e.Base))
		w.Uvarint(e.File)
		w.Varint(e.MaxTimestamp)
		w.Uvarint(uint64(e.Pos))
		w.Uvarint(uint64(e.Len))
		w.Uvarint(uint64(e.Count))
	}
}
