package log

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Snapshot parts of this room, by key. Bodies are items, one after another to the end, in the encodings of base/codec;
// lists begin with their count.
//
//	log/meta               nextTopic, nextFile, nextPID, digest
//	log/topics/TTTTTT      topics with number>>8 = T: number, id, name, partitions, configs, created
//	log/files/FFFFFFFF     files with number>>12 = F: number, ref, size, last modified, references, released
//	log/homes/FFFFFFFF     of these, those that are no objects of their own: number, 1 and the slot (it rides there), or 2, the
//	                       number of the file it landed in, and the shift
//	log/heads/BB/SSSS      partitions of shard S of 2^B: key, start, end, epoch, number of the first chunk, extents to
//	                       skip in it, full chunks, the extents of the tail, the producers if they are few
//	log/chunks/BB/SSSS/GG  full chunks of shard S with chunk number>>3 = G: key, chunk number, 64 extents
//	log/many/BB/SSSS       producers of partitions that have many: key, lowest id of the chunk, its producers
//
// A part that could pass the bound of a part's size goes on in parts with the same key and +1, +2 …
//
// How extents are laid out is described in packed.go: full chunks are in memory as they are in parts.
//
// A part of full chunks stops changing once every partition of its shard has passed it: history is uploaded once. The
// number of shards is the power of two that leaves shardPartitions or fewer to each on average; when it changes, all
// these parts get new keys.
const (
	metaPart        = "log/meta"
	shardPartitions = 512
	topicPartShift  = 8
	filePartShift   = 12
	chunkPartShift  = 3
)

// The most that items take in a part.
const (
	extentBytesMost   = 10 + 10 + 5 + 5 + 5
	extentsBytesMost  = 1 + 10 + ChunkExtents*extentBytesMost
	producerBytesMost = 10 + 10 + 10 + 3 + 5 + 1 + WindowBatches*(5+5)
	headBytesMost     = 8 + 10 + 10 + 5 + 10 + 1 + 10 + extentsBytesMost + 1
	chunkBytesMost    = 8 + 10 + extentsBytesMost
)

// shardBits is B: there are 2^B shards.
func (s *State) shardBits() int {
	return bits.Len(uint(max(0, s.partitions-1) / shardPartitions))
}

func shardOf(k base.PartitionKey, shardBits int) uint64 {
	return uint64(k) * 0x9E3779B97F4A7C15 >> (64 - shardBits) // a shift by 64 gives 0: one shard
}

// Parts lists the parts of s in order of key. prev, which may be nil, is the state of the snapshot before.
func (s *State) Parts(prev *State) []Part {
	if prev == nil {
		prev = New()
	}
	now, before := s.itemize(), &items{}
	if prev.shardBits() == s.shardBits() {
		before = prev.itemize()
	}
	before.topics = prev.itemizeTopics()
	sharded := func(kind string) func(partID) string {
		return func(id partID) string { return fmt.Sprintf("log/%s/%02d/%04x", kind, s.shardBits(), id.a) }
	}
	out := []Part{{Key: metaPart, Changed: true, Encode: s.encodeMeta}}
	out = append(out, now.topics.emit(&before.topics, topicPart, encodeTopics)...)
	out = append(out, now.heads.emit(&before.heads, sharded("heads"), encodeHeads)...)
	out = append(out, now.chunks.emit(&before.chunks, func(id partID) string {
		return sharded("chunks")(id) + fmt.Sprintf("/%06x", id.b)
	}, encodeChunks)...)
	out = append(out, now.many.emit(&before.many, sharded("many"), encodeMany)...)
	out = append(out, s.fileParts(prev)...)
	slices.SortFunc(out, func(a, b Part) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// items are the contents of a snapshot, but for files.
type items struct {
	topics itemized[*Topic]
	heads  itemized[*Partition]
	chunks itemized[chunkItem]
	many   itemized[manyItem]
}

type chunkItem struct {
	part   base.PartitionKey
	number uint64
	chunk  *chunk
}

type manyItem struct {
	part  base.PartitionKey
	at    int64 // the chunk's key
	chunk *producerChunk
}

func (s *State) itemize() *items {
	x := &items{topics: s.itemizeTopics()}
	shards := s.shardBits()
	s.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		shard := shardOf(k, shards)
		x.heads.add(partID{a: shard}, p, headBytesMost+p.producers.few.len()*producerBytesMost)
		for i, c := range p.Extents.full {
			n := p.Extents.first + uint64(i)
			x.chunks.add(partID{shard, n >> chunkPartShift}, chunkItem{k, n, c}, chunkBytesMost)
		}
		if p.producers.many != nil {
			p.producers.many.Scan(func(at int64, c *producerChunk) bool {
				x.many.add(partID{a: shard}, manyItem{k, at, c}, 8+10+1+len(c.list)*producerBytesMost)
				return true
			})
		}
		return true
	})
	return x
}

func (s *State) itemizeTopics() (z itemized[*Topic]) {
	s.topics.Scan(func(n uint32, t *Topic) bool {
		most := 5 + 16 + 2 + len(t.Name) + 5 + 5 + 10
		for _, kv := range t.Configs {
			most += 10 + len(kv.Name) + len(kv.Value)
		}
		z.add(partID{a: uint64(n >> topicPartShift)}, t, most)
		return true
	})
	return z
}

func topicPart(id partID) string { return fmt.Sprintf("log/topics/%06d", id.a) }

func (s *State) encodeMeta() []byte {
	var w codec.Writer
	w.Uvarint(uint64(s.nextTopic))
	w.Uvarint(s.nextFile)
	w.Uvarint(uint64(s.nextPID))
	w.Uint64(s.digest)
	return w.B
}

func encodeTopics(topics []*Topic) []byte {
	var w codec.Writer
	for _, t := range topics {
		w.Uvarint(uint64(t.Number))
		w.Raw(t.ID[:])
		w.String(t.Name)
		w.Varint(int64(t.Partitions))
		config.EncodeKVs(&w, t.Configs)
		w.Varint(int64(t.Created))
	}
	return w.B
}

// fileParts lists the parts of files, and of the homes of those that are no objects of their own. There may be millions, so they
// are not itemized.
func (s *State) fileParts(prev *State) []Part {
	var out []Part
	it := s.files.Iter()
	for ok := it.First(); ok; {
		part := it.Key() >> filePartShift
		for _, pick := range fileKinds {
			if s.anyFile(part, pick) {
				out = append(out, Part{
					Key:     fmt.Sprintf("log/%s/%08d", pick.kind, part),
					Changed: !s.sameFiles(prev, part, pick),
					Encode:  func() []byte { return s.encodeFiles(part, pick) },
				})
			}
		}
		ok = it.Seek((part + 1) << filePartShift)
	}
	return out
}

// picks says what a kind of part holds of a file, if anything.
type picks struct {
	kind   string
	of     func(f File) (File, bool)
	encode func(w *codec.Writer, n uint64, f *File)
}

var fileKinds = []picks{
	{"files", func(f File) (File, bool) {
		f.Where, f.In, f.Delta = Own, 0, 0
		return f, true
	}, encodeFile},
	{"homes", func(f File) (File, bool) {
		return File{Where: f.Where, In: f.In, Delta: f.Delta}, f.Where != Own
	}, encodeHome},
}

// scan calls yield for what a part holds.
func (p *picks) scan(s *State, part uint64, yield func(n uint64, f File) bool) {
	s.files.Ascend(part<<filePartShift, func(n uint64, f File) bool {
		if n>>filePartShift != part {
			return false
		}
		f, ok := p.of(f)
		return !ok || yield(n, f)
	})
}

func (s *State) anyFile(part uint64, pick picks) (any bool) {
	pick.scan(s, part, func(uint64, File) bool {
		any = true
		return false
	})
	return any
}

func (s *State) sameFiles(prev *State, part uint64, pick picks) bool {
	a, b := s.files.Iter(), prev.files.Iter()
	for x, y := a.Seek(part<<filePartShift), b.Seek(part<<filePartShift); ; x, y = a.Next(), b.Next() {
		f, x := pick.next(&a, part, x)
		before, y := pick.next(&b, part, y)
		if !x || !y {
			return x == y
		}
		if a.Key() != b.Key() || f != before {
			return false
		}
	}
}

// next moves on to what a part holds, from where the iterator stands, if ok says that it stands on a file.
func (p *picks) next(it *btree.MapIter[uint64, File], part uint64, ok bool) (File, bool) {
	for ; ok && it.Key()>>filePartShift == part; ok = it.Next() {
		if f, ok := p.of(it.Value()); ok {
			return f, true
		}
	}
	return File{}, false
}

func (s *State) encodeFiles(part uint64, pick picks) []byte {
	var w codec.Writer
	pick.scan(s, part, func(n uint64, f File) bool {
		pick.encode(&w, n, &f)
		return true
	})
	return w.B
}

func encodeFile(w *codec.Writer, n uint64, f *File) {
	w.Uvarint(n)
	encodeRef(w, f.Ref)
	w.Varint(f.SizeBytes)
	w.Varint(int64(f.LastModified))
	w.Uvarint(uint64(f.Refs))
	w.Varint(int64(f.Released))
}

func encodeHome(w *codec.Writer, n uint64, f *File) {
	w.Uvarint(n)
	w.Uint8(uint8(f.Where))
	w.Uvarint(f.In)
	if f.Where == Landed {
		w.Uvarint(uint64(f.Delta))
	}
}

func encodeHeads(heads []*Partition) []byte {
	var w codec.Writer
	for _, p := range heads {
		w.Uint64(uint64(p.Key))
		w.Uvarint(uint64(p.Start))
		w.Uvarint(uint64(p.End))
		w.Varint(int64(p.Epoch))
		w.Uvarint(p.Extents.first)
		w.Uvarint(uint64(p.Extents.skip))
		w.Uvarint(uint64(len(p.Extents.full)))
		encodeExtents(&w, p.Extents.tail)
		encodeProducers(&w, p.producers.few.flat())
	}
	return w.B
}

func encodeMany(items []manyItem) []byte {
	var w codec.Writer
	for _, x := range items {
		w.Uint64(uint64(x.part))
		w.Uvarint(uint64(x.at))
		encodeProducers(&w, x.chunk.list)
	}
	return w.B
}

func encodeProducers(w *codec.Writer, ps []Producer) {
	w.Uvarint(uint64(len(ps)))
	for i := range ps {
		p := &ps[i]
		w.Varint(p.ID)
		w.Varint(p.LastOffset)
		w.Varint(int64(p.LastSeen))
		w.Varint(int64(p.Epoch))
		w.Varint(int64(p.firstSeq))
		w.Uint8(p.n)
		for j := 0; j < int(p.n); j++ {
			w.Uvarint(uint64(p.lastSeq[j]))
			w.Uvarint(uint64(p.baseBack[j]))
		}
	}
}

func encodeChunks(items []chunkItem) []byte {
	var w codec.Writer
	for _, x := range items {
		w.Uint64(uint64(x.part))
		w.Uvarint(x.number)
		w.Raw(x.chunk.packed)
	}
	return w.B
}
