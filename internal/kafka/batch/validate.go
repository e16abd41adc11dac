package batch

import (
	"fmt"
	"strconv"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/invariant"
)

// zstdProduceVersion is the first version of Produce that may bear zstd (KIP-110).
const zstdProduceVersion = 7

// MaxRecordErrors bounds the list in a RecordsError. Kafka has no bound; a client can do nothing more with the rest.
const MaxRecordErrors = 1000

// Rules are what the topic and the request ask of a batch.
type Rules struct {
	// Topic and Partition name the partition in errors, as "topic-0".
	Topic     string
	Partition int32
	// ProduceVersion is the version of the Produce request, 3 or above.
	ProduceVersion int16
	// MaxBytes is max.message.bytes: the largest batch with its header, compressed.
	MaxBytes int
	// Compacted: records need keys (cleanup.policy contains compact).
	Compacted bool
	// AppendTime: message.timestamp.type is LogAppendTime.
	AppendTime bool
	// NowMs is the time for append time and for the bounds, in milliseconds since the epoch.
	NowMs int64
	// BeforeMaxMs and AfterMaxMs are message.timestamp.before.max.ms and message.timestamp.after.max.ms (KIP-937).
	BeforeMaxMs, AfterMaxMs int64
}

// Info is what a valid batch holds, as its commit needs it.
type Info struct {
	// Count of records, and of offsets: at least 1.
	Count int32
	// MaxTimestamp in ms as consumers will see it, -1 if no record has one; MaxTimestampDelta is the offset delta of
	// the first record that bears it.
	MaxTimestamp      int64
	MaxTimestampDelta int32
	// ProducerID is -1 for a batch without one; then Epoch and BaseSequence mean nothing.
	ProducerID   int64
	Epoch        int16
	BaseSequence int32
	Attributes   Attributes
}

// RecordError says what is wrong with one record of a batch (Produce v8+, KIP-467).
type RecordError struct {
	Index int32 // in the batch, from 0
	Text  string
}

// RecordsError refuses a batch for some of its records. Its kind is InvalidRecord or InvalidTimestamp.
type RecordsError struct {
	Err     *base.Error
	Records []RecordError // the first MaxRecordErrors of them
}

func (e *RecordsError) Error() string { return e.Err.Error() }

func (e *RecordsError) Unwrap() error { return e.Err }

// Validate checks a partition's records of one Produce request as Apache Kafka checks a client's, and gives the one
// batch in them, which shares their memory. It may write to that batch: with Rules.AppendTime the kind and value of its
// max timestamp, else the max timestamp if the producer got it wrong; and the CRC with either.
//
// It is stricter than Kafka 4.4, which was tried on the same bytes, where no client is known to differ:
//   - InvalidRecord for offset deltas other than 0, 1, 2 … (Kafka keeps them, or fails with UnknownServerError); for
//     lengths of records that do not fit their parts in compressed batches (Kafka does not look; its consumers fail);
//     for the delete-horizon flag, a transactional batch without a producer id, a negative epoch or an id below -1.
//   - InvalidTimestamp for the log-append-time flag (Kafka clears it, and with it changes the records' timestamps).
//   - InvalidRecord for bytes behind the frame of lz4 (Kafka ignores them; some of its clients fail).
//   - UnsupportedCompressionType for unknown codecs, InvalidRecord for a broken compressed stream (Kafka:
//     UnknownServerError).
//
// Errors are *base.Error, or *RecordsError around one.
func Validate(records []byte, r *Rules) (Batch, Info, error) {
	return ValidateSurveyed(records, Survey{}, r)
}

// ValidateSurveyed is Validate for records whose survey was taken. They must not have changed since.
func ValidateSurveyed(records []byte, s Survey, r *Rules) (Batch, Info, error) {
	if invariant.Costly && s.known {
		invariant.Check(s == SurveyOf(records), "the records of %s are not those that were surveyed", r.name())
	}
	b, err := only(records, r)
	if err != nil {
		return nil, Info{}, err
	}
	if err := checkFrame(b, r); err != nil {
		return nil, Info{}, err
	}
	if !s.known {
		if s, err = look(b, r, MaxDecompressedBytes); err != nil {
			return nil, Info{}, err
		}
	}
	if !s.fits(r) {
		if err := refusal(b, r); err != nil {
			return nil, Info{}, err
		}
	}
	max, maxDelta := s.max()
	if r.AppendTime {
		max, maxDelta = r.NowMs, 0
	}
	b.stamp(r.AppendTime, max)
	return b, Info{
		Count: b.Count(), MaxTimestamp: max, MaxTimestampDelta: maxDelta,
		ProducerID: b.ProducerID(), Epoch: b.ProducerEpoch(), BaseSequence: b.BaseSequence(),
		Attributes: b.Attributes(),
	}, nil
}

// only takes the single batch of magic 2 that a Produce of version 3 or above bears for a partition.
func only(records []byte, r *Rules) (Batch, error) {
	b, rest, err := Next(records)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, r.invalid("Produce version %d must have a record batch for each partition", r.ProduceVersion)
	}
	if b.Magic() != magic2 {
		return nil, r.invalid("Produce version %d may only bear record batches of magic 2, not %d", r.ProduceVersion, b.Magic())
	}
	if b.Attributes().Codec() == Zstd && r.ProduceVersion < zstdProduceVersion {
		return nil, base.Errorf(base.UnsupportedCompressionType, "Produce version %d may not bear zstd; versions from %d may",
			r.ProduceVersion, zstdProduceVersion)
	}
	second, _, err := Next(rest)
	if err != nil {
		return nil, err
	}
	if second != nil {
		return nil, r.invalid("Produce version %d may bear only one record batch for each partition", r.ProduceVersion)
	}
	return b, nil
}

// checkFrame checks what a survey does not: base offset and size.
func checkFrame(b Batch, r *Rules) error {
	if b.BaseOffset() != 0 {
		return r.invalid("the base offset of a client's record batch must be 0, not %d", b.BaseOffset())
	}
	if len(b) > r.MaxBytes {
		return base.Errorf(base.MessageTooLarge, "%s: the record batch has %d bytes, more than max.message.bytes=%d",
			r.name(), len(b), r.MaxBytes)
	}
	return nil
}

func checkHeader(b Batch, r *Rules) error {
	count, offsets, attributes := int64(b.Count()), int64(b.LastOffsetDelta())+1, b.Attributes()
	switch {
	case offsets <= 0:
		return r.invalid("the record batch has last offset delta %d", b.LastOffsetDelta())
	case count <= 0:
		return r.invalid("the record batch claims %d records", count)
	case count != offsets:
		return r.invalid("the record batch claims %d records over %d offsets", count, offsets)
	case attributes.Has(clientForbidden):
		return r.invalid("clients may not write control batches or delete horizons (attributes %#x)", uint16(attributes))
	case attributes.Codec() >= codecCount:
		return base.Errorf(base.UnsupportedCompressionType, "%s: the record batch has %s", r.name(), attributes.Codec())
	case attributes.Has(LogAppendTime):
		return base.Errorf(base.InvalidTimestamp, "%s: producers may not set the timestamp type to LogAppendTime", r.name())
	}
	return checkProducer(b, r)
}

func checkProducer(b Batch, r *Rules) error {
	id := b.ProducerID()
	switch {
	case id < NoProducerID:
		return r.invalid("the record batch has producer id %d", id)
	case id != NoProducerID && (b.BaseSequence() < 0 || b.ProducerEpoch() < 0):
		return r.invalid("the record batch of producer %d has epoch %d and sequence %d", id, b.ProducerEpoch(), b.BaseSequence())
	case id == NoProducerID && b.Attributes().Has(Transactional):
		return r.invalid("the transactional record batch has no producer id")
	}
	return nil
}

// refusal lists the records that do not fit the rules, of a batch that is sound; nil if all do.
func refusal(b Batch, r *Rules) error {
	w, err := walk(b)
	if err != nil {
		return r.malformed(b, 0, err)
	}
	defer w.release()
	c := collector{rules: r}
	var h head
	for i := range b.Count() {
		if err := w.next(&h); err != nil {
			return r.malformed(b, i, err)
		}
		c.check(i, &h, b.BaseTimestamp()+h.timestampDelta)
	}
	return c.err()
}

// collector gathers the records that a topic's rules refuse.
type collector struct {
	rules  *Rules
	list   []RecordError
	total  int
	byTime bool
}

func (c *collector) check(i int32, h *head, timestamp int64) {
	r := c.rules
	if r.Compacted && !h.hasKey {
		if c.room() {
			c.list = append(c.list, RecordError{i, "Compacted topic cannot accept message without key in topic partition " + r.name()})
		}
		return
	}
	if r.AppendTime || timestamp == NoTimestamp {
		return
	}
	if !r.timely(timestamp) {
		c.byTime = true
		if c.room() {
			c.list = append(c.list, RecordError{i, fmt.Sprintf("timestamp %d is not within [%d, %d]",
				timestamp, r.NowMs-r.BeforeMaxMs, r.NowMs+r.AfterMaxMs)})
		}
	}
}

// room counts one more refused record, and tells whether the list takes it: texts are made only for those.
func (c *collector) room() bool {
	c.total++
	return len(c.list) < MaxRecordErrors
}

func (c *collector) err() error {
	if c.total == 0 {
		return nil
	}
	first := c.list[0]
	kind, why := base.InvalidRecord, "an invalid record"
	if c.byTime {
		kind, why = base.InvalidTimestamp, "an invalid timestamp"
	}
	return &RecordsError{
		Err: base.Errorf(kind, "%s: %d records refused because of %s; the first is record %d: %s",
			c.rules.name(), c.total, why, first.Index, first.Text),
		Records: c.list,
	}
}

// timely reports whether a topic takes a timestamp. As in Kafka the differences may overflow.
func (r *Rules) timely(timestamp int64) bool {
	age := r.NowMs - timestamp
	return age <= r.BeforeMaxMs && -age <= r.AfterMaxMs
}

// name is how the partition is called in messages.
func (r *Rules) name() string { return r.Topic + "-" + strconv.Itoa(int(r.Partition)) }

func (r *Rules) invalid(format string, args ...any) error {
	return base.Errorf(base.InvalidRecord, "%s: %s", r.name(), fmt.Sprintf(format, args...))
}

func (r *Rules) malformed(b Batch, record int32, err error) error {
	return base.Errorf(base.InvalidRecord, "%s: record %d of the batch (%s) cannot be read: %w",
		r.name(), record, b.Attributes().Codec(), err)
}
