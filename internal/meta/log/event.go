package log

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// Event is a fact, already decided. Tags are 1–63, and never reused.
type Event interface {
	Tag() uint8
	Encode(w *codec.Writer)
}

const (
	tagTopicCreated         uint8 = 1
	tagTopicDeleted         uint8 = 2
	tagPartitionsCreated    uint8 = 3
	tagTopicConfigured      uint8 = 4
	tagSegmentCommitted     uint8 = 5
	tagProducerIDsAllocated uint8 = 6
	tagTrimmed              uint8 = 7
	tagProducersExpired     uint8 = 8
	tagSegmentRode          uint8 = 9
	tagFilesLanded          uint8 = 10
	tagExtentsMerged        uint8 = 11
	tagFilesRemoved         uint8 = 12
)

// TopicCreated: a topic with partitions 0 … Partitions−1, empty, at leader epoch FirstEpoch.
type TopicCreated struct {
	Number     uint32
	ID         base.TopicID
	Name       string
	Partitions int32
	Configs    []config.KV
	At         base.Millis
}

// FirstEpoch is the leader epoch of a new partition: epoch 0 breaks librdkafka before 2.8.
const FirstEpoch int32 = 1

// TopicDeleted: the topic, its partitions and their claims on files are gone.
type TopicDeleted struct {
	Number uint32
	At     base.Millis
}

// PartitionsCreated: the topic now has Count partitions.
type PartitionsCreated struct {
	Number uint32
	Count  int32
}

// TopicConfigured: the topic's configs are now exactly these.
type TopicConfigured struct {
	Number  uint32
	Configs []config.KV
}

// SegmentCommitted: a data file joined the log, with the batches that were accepted.
type SegmentCommitted struct {
	File         uint64
	Ref          base.FileRef
	SizeBytes    int64
	LastModified base.Millis
	At           base.Millis
	Batches      []Appended
}

// SegmentRode: a data file joined the log whose bytes are in this very entry, with the batches that were accepted.
type SegmentRode struct {
	SegmentCommitted
	Body []byte // the whole file
}

// FilesLanded: files that rode lie now in this one, an object of its own.
type FilesLanded struct {
	File         uint64
	Ref          base.FileRef
	SizeBytes    int64
	LastModified base.Millis
	Landings     []Landing
}

// Landing is one file that lands: what was at a position of it is Delta bytes further on in the file it lands in.
type Landing struct {
	File  uint64
	Delta uint32
}

// ExtentsMerged: stretches of extents are one extent each now, in this file, an object of its own.
type ExtentsMerged struct {
	File         uint64
	Ref          base.FileRef
	SizeBytes    int64
	LastModified base.Millis
	At           base.Millis
	Stretches    []MergedStretch // by key and offset
}

// MergedStretch is a stretch that is one extent now, at Pos of the file.
type MergedStretch struct {
	Key base.PartitionKey
	Stretch
	Pos uint32
}

// FilesRemoved: these files, of which nothing was left, are in the bucket no more.
type FilesRemoved struct{ Files []uint64 }

// Appended is one accepted batch.
type Appended struct {
	Key          base.PartitionKey
	Base         int64
	Pos, Len     uint32
	Count        int32
	MaxTimestamp int64
	ProducerID   int64
	Epoch        int16
	BaseSequence int32
}

// ProducerIDsAllocated: the ids First … First+Count−1 are taken.
type ProducerIDsAllocated struct {
	First int64
	Count int32
}

// Trimmed: the partition's log start is now Start.
type Trimmed struct {
	Key   base.PartitionKey
	Start int64
	At    base.Millis
}

// ProducersExpired: the partition knows these producers no more.
type ProducersExpired struct {
	Key base.PartitionKey
	IDs []int64
}

func (*TopicCreated) Tag() uint8         { return tagTopicCreated }
func (*TopicDeleted) Tag() uint8         { return tagTopicDeleted }
func (*PartitionsCreated) Tag() uint8    { return tagPartitionsCreated }
func (*TopicConfigured) Tag() uint8      { return tagTopicConfigured }
func (*SegmentCommitted) Tag() uint8     { return tagSegmentCommitted }
func (*ProducerIDsAllocated) Tag() uint8 { return tagProducerIDsAllocated }
func (*Trimmed) Tag() uint8              { return tagTrimmed }
func (*ProducersExpired) Tag() uint8     { return tagProducersExpired }
func (*SegmentRode) Tag() uint8          { return tagSegmentRode }
func (*FilesLanded) Tag() uint8          { return tagFilesLanded }
func (*ExtentsMerged) Tag() uint8        { return tagExtentsMerged }
func (*FilesRemoved) Tag() uint8         { return tagFilesRemoved }

func (e *TopicCreated) Encode(w *codec.Writer) {
	w.Uvarint(uint64(e.Number))
	w.Raw(e.ID[:])
	w.String(e.Name)
	w.Varint(int64(e.Partitions))
	config.EncodeKVs(w, e.Configs)
	w.Varint(int64(e.At))
}

func (e *TopicDeleted) Encode(w *codec.Writer) {
	w.Uvarint(uint64(e.Number))
	w.Varint(int64(e.At))
}

func (e *PartitionsCreated) Encode(w *codec.Writer) {
	w.Uvarint(uint64(e.Number))
	w.Varint(int64(e.Count))
}

func (e *TopicConfigured) Encode(w *codec.Writer) {
	w.Uvarint(uint64(e.Number))
	config.EncodeKVs(w, e.Configs)
}

func (e *SegmentCommitted) Encode(w *codec.Writer) {
	w.Uvarint(e.File)
	encodeRef(w, e.Ref)
	w.Varint(e.SizeBytes)
	w.Varint(int64(e.LastModified))
	w.Varint(int64(e.At))
	w.Uvarint(uint64(len(e.Batches)))
	w.Reserve(len(e.Batches) * appendedBytes)
	for i := range e.Batches {
		e.Batches[i].encode(w)
	}
}

func (e *SegmentRode) Encode(w *codec.Writer) {
	e.SegmentCommitted.Encode(w)
	w.Bytes(e.Body)
}

func (e *FilesLanded) Encode(w *codec.Writer) {
	w.Uvarint(e.File)
	encodeRef(w, e.Ref)
	w.Varint(e.SizeBytes)
	w.Varint(int64(e.LastModified))
	encodeLandings(w, e.Landings)
}

func (e *ExtentsMerged) Encode(w *codec.Writer) {
	w.Uvarint(e.File)
	encodeRef(w, e.Ref)
	w.Varint(e.SizeBytes)
	w.Varint(int64(e.LastModified))
	w.Varint(int64(e.At))
	w.Uvarint(uint64(len(e.Stretches)))
	for i := range e.Stretches {
		r := &e.Stretches[i]
		encodeKey(w, r.Key)
		r.Stretch.encode(w)
		w.Uvarint(uint64(r.Pos))
	}
}

func (e *FilesRemoved) Encode(w *codec.Writer) { encodeNumbers(w, e.Files) }

func encodeKey(w *codec.Writer, k base.PartitionKey) {
	w.Uvarint(uint64(k.Topic()))
	w.Uvarint(uint64(k.Index()))
}

func decodeKey(r *codec.Reader) base.PartitionKey {
	topic := getUint32(r)
	return base.KeyOf(topic, getIndex(r))
}

// appendedBytes is what most of them take.
const appendedBytes = 32

func (a *Appended) encode(w *codec.Writer) {
	encodeKey(w, a.Key)
	w.Uvarint(uint64(a.Base))
	w.Uvarint(uint64(a.Pos))
	w.Uvarint(uint64(a.Len))
	w.Uvarint(uint64(a.Count))
	w.Varint(a.MaxTimestamp)
	w.Varint(a.ProducerID)
	if a.ProducerID >= 0 {
		w.Varint(int64(a.Epoch))
		w.Varint(int64(a.BaseSequence))
	}
}

func (a *Appended) decode(r *codec.Reader) {
	a.Key, a.Base = decodeKey(r), getOffset(r)
	a.Pos, a.Len = getUint32(r), getUint32(r)
	a.Count = getIndex(r)
	a.MaxTimestamp = r.Varint()
	a.ProducerID = r.Varint()
	if a.ProducerID >= 0 {
		a.Epoch, a.BaseSequence = getInt16(r), getInt32(r)
	}
}

func (e *ProducerIDsAllocated) Encode(w *codec.Writer) {
	w.Varint(e.First)
	w.Varint(int64(e.Count))
}

func (e *Trimmed) Encode(w *codec.Writer) {
	w.Uint64(uint64(e.Key))
	w.Varint(e.Start)
	w.Varint(int64(e.At))
}

func (e *ProducersExpired) Encode(w *codec.Writer) {
	w.Uint64(uint64(e.Key))
	w.Uvarint(uint64(len(e.IDs)))
	for _, id := range e.IDs {
		w.Varint(id)
	}
}

// DecodeEvent reads the fields of the event of that tag. Errors are r.Err's; an unknown tag gives nil.
func DecodeEvent(tag uint8, r *codec.Reader) Event {
	switch tag {
	case tagTopicCreated:
		e := &TopicCreated{Number: getUint32(r)}
		r.Fixed(e.ID[:])
		e.Name, e.Partitions = r.String(), getInt32(r)
		e.Configs, e.At = config.DecodeKVs(r), getMillis(r)
		return e
	case tagTopicDeleted:
		return &TopicDeleted{Number: getUint32(r), At: getMillis(r)}
	case tagPartitionsCreated:
		return &PartitionsCreated{Number: getUint32(r), Count: getInt32(r)}
	case tagTopicConfigured:
		return &TopicConfigured{Number: getUint32(r), Configs: config.DecodeKVs(r)}
	case tagSegmentCommitted:
		return decodeSegmentCommitted(r)
	case tagProducerIDsAllocated:
		return &ProducerIDsAllocated{First: r.Varint(), Count: getInt32(r)}
	case tagTrimmed:
		return &Trimmed{Key: base.PartitionKey(r.Uint64()), Start: r.Varint(), At: getMillis(r)}
	case tagProducersExpired:
		e := &ProducersExpired{Key: base.PartitionKey(r.Uint64())}
		n := r.Count(1)
		e.IDs = make([]int64, n)
		for i := range e.IDs {
			e.IDs[i] = r.Varint()
		}
		return e
	case tagSegmentRode:
		return &SegmentRode{SegmentCommitted: *decodeSegmentCommitted(r), Body: r.Bytes()}
	case tagFilesLanded:
		return &FilesLanded{File: r.Uvarint(), Ref: decodeRef(r), SizeBytes: r.Varint(), LastModified: getMillis(r), Landings: decodeLandings(r)}
	case tagExtentsMerged:
		return decodeExtentsMerged(r)
	case tagFilesRemoved:
		return &FilesRemoved{Files: decodeNumbers(r)}
	}
	return nil
}

func decodeExtentsMerged(r *codec.Reader) *ExtentsMerged {
	e := &ExtentsMerged{File: r.Uvarint(), Ref: decodeRef(r), SizeBytes: r.Varint()}
	e.LastModified, e.At = getMillis(r), getMillis(r)
	e.Stretches = make([]MergedStretch, r.Count(5))
	for i := range e.Stretches {
		e.Stretches[i] = MergedStretch{Key: decodeKey(r), Stretch: decodeStretch(r), Pos: getUint32(r)}
	}
	return e
}

func decodeSegmentCommitted(r *codec.Reader) *SegmentCommitted {
	e := &SegmentCommitted{File: r.Uvarint(), Ref: decodeRef(r), SizeBytes: r.Varint()}
	e.LastModified, e.At = getMillis(r), getMillis(r)
	n := r.Count(8)
	e.Batches = make([]Appended, n)
	for i := range e.Batches {
		e.Batches[i].decode(r)
	}
	return e
}
