package log

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Command is what may be asked of the room. Tags are 1–63.
type Command interface {
	Tag() uint8
	Encode(w *codec.Writer)
}

// The tags of the commands, never reused.
const (
	tagCreateTopic         uint8 = 1
	tagDeleteTopic         uint8 = 2
	tagCreatePartitions    uint8 = 3
	tagConfigureTopic      uint8 = 4
	tagCommitSegment       uint8 = 5
	tagAllocateProducerIDs uint8 = 6
	tagDeleteRecords       uint8 = 7
	tagRetain              uint8 = 8
	tagExpireProducers     uint8 = 9
	tagLandFiles           uint8 = 10
	tagRideSegment         uint8 = 11
	tagMergeExtents        uint8 = 12
	tagRemoveFiles         uint8 = 13
)

// CreateTopic makes a topic. ID is drawn by whoever asks. Configs are sorted by name.
type CreateTopic struct {
	Name       string
	ID         base.TopicID
	Partitions int32
	Configs    []config.KV
}

// DeleteTopic removes a topic and all it holds.
type DeleteTopic struct{ ID base.TopicID }

// CreatePartitions raises the number of partitions to Count.
type CreatePartitions struct {
	ID    base.TopicID
	Count int32
}

// ConfigureTopic changes a topic's configs: one by one (IncrementalAlterConfigs), or, with Replace, to exactly the set
// that the operations make of an empty one (AlterConfigs).
type ConfigureTopic struct {
	ID      base.TopicID
	Replace bool
	Ops     []config.Op
}

// CommitSegment gives the batches of a data file their place in the order. Each is decided by itself.
type CommitSegment struct {
	File         base.FileRef
	SizeBytes    int64
	LastModified base.Millis // of the file, by the bucket; without meaning if it rides
	Batches      []Batch
	Body         []byte // the whole file, which is to ride; empty: it was uploaded
}

// LandFiles gives riders their place in an uploaded data file. Those that ride no more are left out.
type LandFiles struct {
	File         base.FileRef
	SizeBytes    int64
	LastModified base.Millis // of the file, by the bucket
	Landings     []Landing   // by file, each once
}

// MergeExtents puts an uploaded data file, which has a copy of their bytes, in the place of stretches of extents. Those that are no
// longer as they were are left out.
type MergeExtents struct {
	File         base.FileRef
	SizeBytes    int64
	LastModified base.Millis    // of the file, by the bucket
	Stretches    []MergeStretch // by topic, partition and offset; at most MergeStretchesMax
}

// MergeStretch is a stretch of extents whose bytes lie at Pos of the file, one extent after another.
type MergeStretch struct {
	Topic     base.TopicID
	Partition int32
	Stretch
	Pos  uint32
	Hash uint64 // of the extents that were read: see Sum
}

// RemoveFiles says that the objects of files of which nothing is left were deleted. Those that may not go are left out.
type RemoveFiles struct{ Files []uint64 } // by number, each once

// Batch is one record batch in a data file.
type Batch struct {
	Topic        base.TopicID
	Partition    int32
	Pos, Len     uint32
	Count        int32 // records, 1 or more
	MaxTimestamp int64
	ProducerID   int64 // -1: not idempotent
	Epoch        int16
	BaseSequence int32
}

// AllocateProducerIDs issues Count producer ids.
type AllocateProducerIDs struct{ Count int32 }

// DeleteRecords moves a partition's log start to Offset; -1 means the high watermark.
type DeleteRecords struct {
	ID     base.TopicID
	Index  int32
	Offset int64
}

// Retain proposes, for retention's sake, to move a partition's log start to Start. Decide checks it against the
// topic's configs and the clock.
type Retain struct {
	ID    base.TopicID
	Index int32
	Start int64
}

// ExpireProducers proposes to forget a partition's producers that have not been heard of for AfterMs.
type ExpireProducers struct {
	ID      base.TopicID
	Index   int32
	AfterMs base.Millis
}

func (*CreateTopic) Tag() uint8      { return tagCreateTopic }
func (*DeleteTopic) Tag() uint8      { return tagDeleteTopic }
func (*CreatePartitions) Tag() uint8 { return tagCreatePartitions }
func (*ConfigureTopic) Tag() uint8   { return tagConfigureTopic }

// Tag of a rider is another: who knows no riders must not take it for an uploaded file.
func (c *CommitSegment) Tag() uint8 {
	if len(c.Body) > 0 {
		return tagRideSegment
	}
	return tagCommitSegment
}

func (*AllocateProducerIDs) Tag() uint8 { return tagAllocateProducerIDs }
func (*DeleteRecords) Tag() uint8       { return tagDeleteRecords }
func (*Retain) Tag() uint8              { return tagRetain }
func (*ExpireProducers) Tag() uint8     { return tagExpireProducers }
func (*LandFiles) Tag() uint8           { return tagLandFiles }
func (*MergeExtents) Tag() uint8        { return tagMergeExtents }
func (*RemoveFiles) Tag() uint8         { return tagRemoveFiles }

func (c *CreateTopic) Encode(w *codec.Writer) {
	w.String(c.Name)
	w.Raw(c.ID[:])
	w.Varint(int64(c.Partitions))
	config.EncodeKVs(w, c.Configs)
}

func (c *DeleteTopic) Encode(w *codec.Writer) { w.Raw(c.ID[:]) }

func (c *CreatePartitions) Encode(w *codec.Writer) {
	w.Raw(c.ID[:])
	w.Varint(int64(c.Count))
}

func (c *ConfigureTopic) Encode(w *codec.Writer) {
	w.Raw(c.ID[:])
	w.Bool(c.Replace)
	config.EncodeOps(w, c.Ops)
}

func (c *CommitSegment) Encode(w *codec.Writer) {
	encodeRef(w, c.File)
	w.Varint(c.SizeBytes)
	w.Varint(int64(c.LastModified))
	w.Uvarint(uint64(len(c.Batches)))
	for i := range c.Batches {
		c.Batches[i].encode(w)
	}
	if len(c.Body) > 0 {
		w.Bytes(c.Body)
	}
}

func (b *Batch) encode(w *codec.Writer) {
	w.Raw(b.Topic[:])
	w.Varint(int64(b.Partition))
	w.Uvarint(uint64(b.Pos))
	w.Uvarint(uint64(b.Len))
	w.Varint(int64(b.Count))
	w.Varint(b.MaxTimestamp)
	w.Varint(b.ProducerID)
	w.Varint(int64(b.Epoch))
	w.Varint(int64(b.BaseSequence))
}

func (c *AllocateProducerIDs) Encode(w *codec.Writer) { w.Varint(int64(c.Count)) }

func (c *DeleteRecords) Encode(w *codec.Writer) {
	w.Raw(c.ID[:])
	w.Varint(int64(c.Index))
	w.Varint(c.Offset)
}

func (c *Retain) Encode(w *codec.Writer) {
	w.Raw(c.ID[:])
	w.Varint(int64(c.Index))
	w.Varint(c.Start)
}

func (c *ExpireProducers) Encode(w *codec.Writer) {
	w.Raw(c.ID[:])
	w.Varint(int64(c.Index))
	w.Varint(int64(c.AfterMs))
}

func (c *LandFiles) Encode(w *codec.Writer) {
	encodeRef(w, c.File)
	w.Varint(c.SizeBytes)
	w.Varint(int64(c.LastModified))
	encodeLandings(w, c.Landings)
}

func (c *MergeExtents) Encode(w *codec.Writer) {
	encodeRef(w, c.File)
	w.Varint(c.SizeBytes)
	w.Varint(int64(c.LastModified))
	w.Uvarint(uint64(len(c.Stretches)))
	for i := range c.Stretches {
		c.Stretches[i].encode(w)
	}
}

func (r *MergeStretch) encode(w *codec.Writer) {
	w.Raw(r.Topic[:])
	w.Varint(int64(r.Partition))
	r.Stretch.encode(w)
	w.Uvarint(uint64(r.Pos))
	w.Uint64(r.Hash)
}

func (r *Stretch) encode(w *codec.Writer) {
	w.Uvarint(uint64(r.Base))
	w.Uvarint(uint64(r.Extents))
}

func (c *RemoveFiles) Encode(w *codec.Writer) { encodeNumbers(w, c.Files) }

// DecodeCommand reads the fields of the command of that tag. Errors are r.Err's; an unknown tag gives nil.
func DecodeCommand(tag uint8, r *codec.Reader) Command {
	switch tag {
	case tagCreateTopic:
		c := &CreateTopic{Name: r.String()}
		r.Fixed(c.ID[:])
		c.Partitions, c.Configs = getInt32(r), config.DecodeKVs(r)
		return c
	case tagDeleteTopic:
		c := &DeleteTopic{}
		r.Fixed(c.ID[:])
		return c
	case tagCreatePartitions:
		c := &CreatePartitions{}
		r.Fixed(c.ID[:])
		c.Count = getInt32(r)
		return c
	case tagConfigureTopic:
		return decodeConfigureTopic(r)
	case tagCommitSegment:
		return decodeCommitSegment(r)
	case tagRideSegment:
		c := decodeCommitSegment(r)
		if c.Body = r.Bytes(); len(c.Body) == 0 {
			malformed(r)
		}
		return c
	case tagAllocateProducerIDs:
		return &AllocateProducerIDs{Count: getInt32(r)}
	case tagDeleteRecords:
		c := &DeleteRecords{}
		r.Fixed(c.ID[:])
		c.Index, c.Offset = getInt32(r), r.Varint()
		return c
	case tagRetain:
		c := &Retain{}
		r.Fixed(c.ID[:])
		c.Index, c.Start = getInt32(r), r.Varint()
		return c
	case tagExpireProducers:
		c := &ExpireProducers{}
		r.Fixed(c.ID[:])
		c.Index, c.AfterMs = getInt32(r), getMillis(r)
		return c
	case tagLandFiles:
		return &LandFiles{File: decodeRef(r), SizeBytes: r.Varint(), LastModified: getMillis(r), Landings: decodeLandings(r)}
	case tagMergeExtents:
		return decodeMergeExtents(r)
	case tagRemoveFiles:
		return &RemoveFiles{Files: decodeNumbers(r)}
	}
	return nil
}

func decodeConfigureTopic(r *codec.Reader) *ConfigureTopic {
	c := &ConfigureTopic{}
	r.Fixed(c.ID[:])
	c.Replace = r.Bool()
	c.Ops = config.DecodeOps(r)
	return c
}

func decodeCommitSegment(r *codec.Reader) *CommitSegment {
	c := &CommitSegment{File: decodeRef(r), SizeBytes: r.Varint(), LastModified: getMillis(r)}
	n := r.Count(24)
	c.Batches = make([]Batch, n)
	for i := range c.Batches {
		c.Batches[i].decode(r)
	}
	return c
}

func (b *Batch) decode(r *codec.Reader) {
	r.Fixed(b.Topic[:])
	b.Partition = getInt32(r)
	b.Pos, b.Len = getUint32(r), getUint32(r)
	b.Count = getInt32(r)
	b.MaxTimestamp = r.Varint()
	b.ProducerID = r.Varint()
	b.Epoch = getInt16(r)
	b.BaseSequence = getInt32(r)
}

func decodeMergeExtents(r *codec.Reader) *MergeExtents {
	c := &MergeExtents{File: decodeRef(r), SizeBytes: r.Varint(), LastModified: getMillis(r)}
	c.Stretches = make([]MergeStretch, r.Count(16+1+2+1+8))
	for i := range c.Stretches {
		m := &c.Stretches[i]
		r.Fixed(m.Topic[:])
		m.Partition, m.Stretch, m.Pos, m.Hash = getInt32(r), decodeStretch(r), getUint32(r), r.Uint64()
	}
	return c
}

func decodeStretch(r *codec.Reader) Stretch {
	return Stretch{Base: getOffset(r), Extents: getUint32(r)}
}

func encodeNumbers(w *codec.Writer, files []uint64) {
	w.Uvarint(uint64(len(files)))
	for _, n := range files {
		w.Uvarint(n)
	}
}

func decodeNumbers(r *codec.Reader) []uint64 {
	files := make([]uint64, r.Count(1))
	for i := range files {
		files[i] = r.Uvarint()
	}
	return files
}

func encodeLandings(w *codec.Writer, list []Landing) {
	w.Uvarint(uint64(len(list)))
	for _, l := range list {
		w.Uvarint(l.File)
		w.Uvarint(uint64(l.Delta))
	}
}

func decodeLandings(r *codec.Reader) []Landing {
	list := make([]Landing, r.Count(2))
	for i := range list {
		list[i] = Landing{File: r.Uvarint(), Delta: getUint32(r)}
	}
	return list
}

func encodeRef(w *codec.Writer, f base.FileRef) {
	w.Uint8(uint8(f.Store))
	w.Raw(f.ID[:])
}

func decodeRef(r *codec.Reader) base.FileRef {
	f := base.FileRef{Store: base.StoreID(r.Uint8())}
	r.Fixed(f.ID[:])
	return f
}
