package log

import (
	"fmt"
	"strings"

	"github.com/tidwall/btree"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Restorer builds a State from the parts of a snapshot, which may come in any order.
type Restorer struct {
	s     *State
	loose map[base.PartitionKey]*loose
	homes map[uint64]File // of files that are no objects of their own, by number
	twice error           // the first thing that came twice
	meta  bool
}

// loose is what has come of a partition beside its head.
type loose struct {
	expected int // full chunks, by the head
	chunks   map[uint64]*chunk
	many     *btree.Map[int64, *producerChunk]
}

// NewRestorer begins.
func NewRestorer() *Restorer {
	return &Restorer{s: New(), loose: map[base.PartitionKey]*loose{}, homes: map[uint64]File{}}
}

// Part takes one part. One of a kind that this version does not know is base.UnsupportedVersion: a manifest and its parts are checked
// by checksums before, so a newer version wrote it.
func (r *Restorer) Part(key string, body []byte) error {
	decode := r.decoder(key)
	if decode == nil {
		return base.Errorf(base.UnsupportedVersion, "log: this version does not know the snapshot part %q: start a newer one", key)
	}
	in := &codec.Reader{B: body}
	for first := true; first && key == metaPart || len(in.B) > 0; first = false {
		decode(in)
	}
	if err := in.Done(); err != nil {
		return fmt.Errorf("log: snapshot part %q: %w", key, err)
	}
	if r.twice != nil {
		return fmt.Errorf("log: snapshot part %q: %w", key, r.twice)
	}
	return nil
}

func (r *Restorer) decoder(key string) func(*codec.Reader) {
	switch {
	case key == metaPart:
		return r.decodeMeta
	case strings.HasPrefix(key, "log/topics/"):
		return r.decodeTopic
	case strings.HasPrefix(key, "log/files/"):
		return r.decodeFile
	case strings.HasPrefix(key, "log/homes/"):
		return r.decodeHome
	case strings.HasPrefix(key, "log/heads/"):
		return r.decodeHead
	case strings.HasPrefix(key, "log/chunks/"):
		return r.decodeChunk
	case strings.HasPrefix(key, "log/many/"):
		return r.decodeMany
	}
	return nil
}

func (r *Restorer) again(format string, args ...any) {
	if r.twice == nil {
		r.twice = fmt.Errorf(format+" comes twice", args...)
	}
}

func (r *Restorer) looseOf(k base.PartitionKey) *loose {
	l := r.loose[k]
	if l == nil {
		l = &loose{}
		r.loose[k] = l
	}
	return l
}

func (r *Restorer) decodeMeta(in *codec.Reader) {
	if r.meta {
		r.again("the part")
	}
	r.s.nextTopic = getUint32(in)
	r.s.nextFile = in.Uvarint()
	r.s.nextPID = getOffset(in)
	r.s.digest = in.Uint64()
	r.meta = true
}

func (r *Restorer) decodeTopic(in *codec.Reader) {
	t := &Topic{Number: getUint32(in)}
	in.Fixed(t.ID[:])
	t.Name, t.Partitions = in.String(), getInt32(in)
	t.Configs, t.Created = config.DecodeKVs(in), getMillis(in)
	if in.Err != nil {
		return
	}
	if t.Partitions < 1 || t.Partitions > MaxPartitions {
		malformed(in)
		return
	}
	s := r.s
	if _, there := s.topics.Set(t.Number, t); there {
		r.again("topic %d", t.Number)
	}
	s.byName.Set(t.Name, t.Number)
	s.byID.Set(string(t.ID[:]), t.Number)
	if key, can := clash(t.Name); can {
		s.byClash.Set(key, t.Number)
	}
	s.partitions += int(t.Partitions)
}

func (r *Restorer) decodeFile(in *codec.Reader) {
	n := in.Uvarint()
	f := File{Ref: decodeRef(in), SizeBytes: in.Varint(), LastModified: getMillis(in)}
	f.Refs, f.Released = getUint32(in), getMillis(in)
	if in.Err != nil {
		return
	}
	if _, there := r.s.files.Set(n, f); there {
		r.again("file %d", n)
	}
	r.s.byULID.Set(ulidKey(f.Ref.ID), n)
}

// decodeHome keeps where a file is until the file has come.
func (r *Restorer) decodeHome(in *codec.Reader) {
	n := in.Uvarint()
	f := File{Where: Where(in.Uint8()), In: in.Uvarint()}
	if f.Where == Landed {
		f.Delta = getUint32(in)
	}
	if in.Err == nil && f.Where != Riding && f.Where != Landed {
		malformed(in)
	}
	if _, there := r.homes[n]; there {
		r.again("the home of file %d", n)
	}
	r.homes[n] = f
}

// settle says of the files where they are.
func (r *Restorer) settle() error {
	for n, home := range r.homes {
		f, ok := r.s.files.Get(n)
		if !ok {
			return fmt.Errorf("log: the snapshot says where file %d is, which is not there", n)
		}
		f.Where, f.In, f.Delta = home.Where, home.In, home.Delta
		r.s.files.Set(n, f)
		if f.Where == Riding {
			r.s.board(n, &f)
		}
	}
	return nil
}

func (r *Restorer) decodeHead(in *codec.Reader) {
	p := &Partition{edit: r.s.edit, Key: base.PartitionKey(in.Uint64())}
	p.Start, p.End, p.Epoch = getOffset(in), getOffset(in), getInt32(in)
	p.Extents.first, p.Extents.skip = in.Uvarint(), int(getUint(in, ChunkExtents-1))
	full := int(getIndex(in))
	p.Extents.tail = decodeExtents(in)
	p.producers.few = rowOf(decodeProducers(in))
	if in.Err != nil {
		return
	}
	if plant.LeftOut(plant.WindowsInParts) {
		p.producers.few = row{}
	}
	if _, there := r.s.parts.Set(p.Key, p); there {
		r.again("partition %s", p.Key)
	}
	if full > 0 {
		r.looseOf(p.Key).expected = full
	}
}

func decodeProducers(in *codec.Reader) []Producer {
	n := in.Count(8)
	if n > fewProducers {
		malformed(in)
	}
	if n == 0 || in.Err != nil {
		return nil
	}
	ps := make([]Producer, n)
	for i := range ps {
		decodeProducer(in, &ps[i])
		if in.Err != nil || i > 0 && ps[i].ID <= ps[i-1].ID {
			malformed(in)
			return nil
		}
	}
	return ps
}

func decodeProducer(in *codec.Reader, p *Producer) {
	p.ID, p.LastOffset, p.LastSeen = in.Varint(), in.Varint(), getMillis(in)
	p.Epoch, p.firstSeq, p.n = getInt16(in), getInt32(in), in.Uint8()
	if p.n == 0 || p.n > WindowBatches || p.ID < 0 {
		malformed(in)
		return
	}
	for i := 0; i < int(p.n); i++ {
		p.lastSeq[i], p.baseBack[i] = getIndex(in), getUint32(in)
	}
}

func (r *Restorer) decodeMany(in *codec.Reader) {
	k, at := base.PartitionKey(in.Uint64()), getOffset(in)
	ps := decodeProducers(in)
	if in.Err != nil || len(ps) > 0 && ps[0].ID < at {
		malformed(in)
		return
	}
	l := r.looseOf(k)
	if l.many == nil {
		l.many = btree.NewMap[int64, *producerChunk](0)
	}
	if _, there := l.many.Set(at, &producerChunk{ps}); there {
		r.again("the chunk of producers at %d of partition %s", at, k)
	}
}

func (r *Restorer) decodeChunk(in *codec.Reader) {
	k, n := base.PartitionKey(in.Uint64()), in.Uvarint()
	es := decodeExtents(in)
	if in.Err != nil || len(es) != ChunkExtents {
		malformed(in)
		return
	}
	l := r.looseOf(k)
	if l.chunks == nil {
		l.chunks = map[uint64]*chunk{}
	}
	if l.chunks[n] != nil {
		r.again("chunk %d of partition %s", n, k)
	}
	l.chunks[n] = newChunk(es)
}

// Finish puts the parts together and checks the whole.
func (r *Restorer) Finish() (*State, error) {
	if !r.meta {
		return nil, fmt.Errorf("log: the snapshot lacks part %s", metaPart)
	}
	if err := r.assembleAll(); err != nil {
		return nil, err
	}
	if err := r.settle(); err != nil {
		return nil, err
	}
	if err := r.s.Check(); err != nil {
		return nil, err
	}
	return r.s, nil
}

func (r *Restorer) assembleAll() error {
	left := len(r.loose)
	var err error
	r.s.parts.Scan(func(k base.PartitionKey, p *Partition) bool {
		if l := r.loose[k]; l != nil {
			left--
			err = assemble(k, p, l)
		}
		return err == nil
	})
	if err == nil && left > 0 {
		err = fmt.Errorf("log: the snapshot holds chunks of %d partitions that are not there", left)
	}
	return err
}

// assemble gives a partition what came beside its head.
func assemble(k base.PartitionKey, p *Partition, l *loose) error {
	if len(l.chunks) != l.expected {
		return fmt.Errorf("log: the snapshot holds %d full chunks of partition %s, its head says %d", len(l.chunks), k, l.expected)
	}
	for i := 0; i < l.expected; i++ {
		c := l.chunks[p.Extents.first+uint64(i)]
		if c == nil {
			return fmt.Errorf("log: the snapshot lacks chunk %d of partition %s", p.Extents.first+uint64(i), k)
		}
		p.Extents.full = append(p.Extents.full, c)
	}
	if l.many != nil && p.producers.few.len() > 0 {
		return fmt.Errorf("log: the snapshot holds partition %s with few and with many producers", k)
	}
	p.producers.many = l.many
	return nil
}
