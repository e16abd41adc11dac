package log

import (
	"fmt"
	"strings"

	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Restorer builds a State from the parts of a snapshot, which may come in any order.
type Restorer struct {
	s      *State
	full   map[base.PartitionKey]int // full chunks that a head expects
	chunks map[base.PartitionKey]map[uint64]*chunk
	meta   bool
}

// NewRestorer begins.
func NewRestorer() *Restorer {
	return &Restorer{s: New(), full: map[base.PartitionKey]int{}, chunks: map[base.PartitionKey]map[uint64]*chunk{}}
}

// Part takes one part.
func (r *Restorer) Part(key string, body []byte) error {
	in := &codec.Reader{B: body}
	switch {
	case key == "log/meta":
		r.decodeMeta(in)
	case strings.HasPrefix(key, "log/topics/"):
		for len(in.B) > 0 {
			r.decodeTopic(in)
		}
	case strings.HasPrefix(key, "log/files/"):
		for len(in.B) > 0 {
			r.decodeFile(in)
		}
	case strings.HasPrefix(key, "log/heads/"):
		for len(in.B) > 0 {
			r.decodeHead(in)
		}
	case strings.HasPrefix(key, "log/chunks/"):
		for len(in.B) > 0 {
			r.decodeChunk(in)
		}
	default:
		return fmt.Errorf("log: snapshot part %q is of no known kind", key)
	}
	if err := in.Done(); err != nil {
		return fmt.Errorf("log: snapshot part %q: %w", key, err)
	}
	return nil
}

func (r *Restorer) decodeMeta(in *codec.Reader) {
	r.s.nextTopic = uint32(in.Uvarint())
	r.s.nextFile = in.Uvarint()
	r.s.nextPID = int64(in.Uvarint())
	r.s.digest = in.Uint64()
	r.meta = true
}

func (r *Restorer) decodeTopic(in *codec.Reader) {
	t := &Topic{Number: uint32(in.Uvarint())}
	in.Fixed(t.ID[:])
	t.Name, t.Partitions = in.String(), int32(in.Varint())
	t.Configs, t.Created = config.DecodeKVs(in), base.Millis(in.Varint())
	if in.Err != nil {
		return
	}
	s := r.s
	s.topics.Set(t.Number, t)
	s.byName.Set(t.Name, t.Number)
	s.byID.Set(string(t.ID[:]), t.Number)
	if key, can := clash(t.Name); can {
		s.byClash.Set(key, t.Number)
	}
	s.partitions += int(t.Partitions)
}

func (r *Restorer) decodeFile(in *codec.Reader) {
	n := in.Uvarint()
	f := File{Ref: decodeRef(in), SizeBytes: in.Varint(), LastModified: base.Millis(in.Varint())}
	f.Refs, f.Released = uint32(in.Uvarint()), base.Millis(in.Varint())
	if in.Err == nil {
		r.s.files.Set(n, f)
		r.s.byULID.Set(ulidKey(f.Ref.ID), n)
	}
}

func (r *Restorer) decodeHead(in *codec.Reader) {
	p := &Partition{edit: r.s.edit, Key: base.PartitionKey(in.Uint64())}
	p.Start, p.End, p.Epoch = int64(in.Uvarint()), int64(in.Uvarint()), int32(in.Varint())
	p.Extents.first, p.Extents.skip = in.Uvarint(), int(in.Uvarint())
	full := int(in.Uvarint())
	if tail := decodeExtents(in); len(tail) > 0 {
		p.Extents.chunks = []*chunk{newChunk(tail)}
	}
	n := in.Count(5)
	if n > 0 {
		p.producers = btree.NewMap[int64, *Producer](8)
	}
	for i := 0; i < n; i++ {
		id := in.Varint()
		p.producers.Set(id, decodeProducer(in))
	}
	if in.Err == nil {
		r.s.parts.Set(p.Key, p)
		r.full[p.Key] = full
	}
}

func decodeProducer(in *codec.Reader) *Producer {
	pr := &Producer{LastOffset: in.Varint(), LastSeen: base.Millis(in.Varint())}
	pr.Epoch, pr.firstSeq, pr.n = int16(in.Varint()), int32(in.Varint()), in.Uint8()
	if pr.n == 0 || pr.n > WindowBatches {
		in.Raw(len(in.B) + 1) // malformed
		return pr
	}
	for i := 0; i < int(pr.n); i++ {
		pr.lastSeq[i], pr.baseBack[i] = int32(in.Varint()), uint32(in.Uvarint())
	}
	return pr
}

func (r *Restorer) decodeChunk(in *codec.Reader) {
	k, n := base.PartitionKey(in.Uint64()), in.Uvarint()
	es := decodeExtents(in)
	if in.Err != nil || len(es) == 0 {
		in.Raw(len(in.B) + 1) // malformed
		return
	}
	if r.chunks[k] == nil {
		r.chunks[k] = map[uint64]*chunk{}
	}
	r.chunks[k][n] = newChunk(es)
}

func newChunk(es []Extent) *chunk {
	c := &chunk{extents: es, maxTimestamp: es[0].MaxTimestamp}
	for _, e := range es {
		c.maxTimestamp = max(c.maxTimestamp, e.MaxTimestamp)
		c.bytes += int64(e.Len)
	}
	return c
}

func decodeExtents(in *codec.Reader) []Extent {
	n := in.Count(6)
	if n > ChunkExtents {
		in.Raw(len(in.B) + 1) // malformed
		return nil
	}
	es := make([]Extent, n)
	for i := range es {
		es[i] = Extent{Base: int64(in.Uvarint()), File: in.Uvarint(), MaxTimestamp: in.Varint(),
			Pos: uint32(in.Uvarint()), Len: uint32(in.Uvarint()), Count: uint32(in.Uvarint())}
	}
	return es
}

// Finish puts the parts together and checks the whole.
func (r *Restorer) Finish() (*State, error) {
	if !r.meta {
		return nil, fmt.Errorf("log: the snapshot lacks part log/meta")
	}
	var err error
	r.s.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		err = r.assemble(k, p)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if err := r.s.Check(); err != nil {
		return nil, err
	}
	return r.s, nil
}

func (r *Restorer) assemble(k base.PartitionKey, p *Partition) error {
	n := r.full[k]
	if n != len(r.chunks[k]) {
		return fmt.Errorf("log: the snapshot holds %d full chunks of partition %s, its head says %d", len(r.chunks[k]), k, n)
	}
	tail := p.Extents.chunks
	p.Extents.chunks = make([]*chunk, 0, n+1)
	for i := 0; i < n; i++ {
		c := r.chunks[k][p.Extents.first+uint64(i)]
		if c == nil {
			return fmt.Errorf("log: the snapshot lacks chunk %d of partition %s", p.Extents.first+uint64(i), k)
		}
		p.Extents.chunks = append(p.Extents.chunks, c)
	}
	p.Extents.chunks = append(p.Extents.chunks, tail...)
	return nil
}
