package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// edit gives a copy of b, changed by f, with its checksum right again.
func edit(b Batch, f func(b Batch)) Batch {
	c := Batch(bytes.Clone(b))
	f(c)
	binary.BigEndian.PutUint32(c[crcAt:], c.ComputeCRC())
	return c
}

func put16(at int, v uint16) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint16(b[at:], v) }
}
func put32(at int, v uint32) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint32(b[at:], v) }
}
func put64(at int, v uint64) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint64(b[at:], v) }
}

// rawBatch gives a batch that claims count records, with whatever bytes as its body.
func rawBatch(c Codec, count int, body []byte) Batch {
	b := Plain(c).Build(NewRecord{Timestamp: 1000})
	b = append(b[:HeaderSize:HeaderSize], compress(c, body)...)
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(len(b)-prefixSize))
	return edit(b, func(b Batch) { put32(countAt, uint32(count))(b); put32(lastOffsetDeltaAt, uint32(count-1))(b) })
}

// rawRecord gives a record of the body, with its length before it.
func rawRecord(body ...byte) []byte {
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}

func TestValidateRefuses(t *testing.T) {
	good := Plain(None).Build(sample(3)...)
	idempotent := Builder{ProducerID: 7, Epoch: 1, BaseSequence: 5}.Build(sample(3)...)
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name    string
		records []byte
		want    base.Kind
	}{
		{"no batch", nil, base.InvalidRecord},
		{"less than a length", good[:11], base.InvalidRecord},
		{"half a batch", good[:len(good)-1], base.InvalidRecord},
		{"two batches", cat(good, good), base.InvalidRecord},
		{"garbage behind the batch", cat(good, make([]byte, 20)), base.CorruptMessage},
		{"length below any", edit(good, put32(lengthAt, 13)), base.CorruptMessage},
		{"negative length", edit(good, put32(lengthAt, 1<<31)), base.CorruptMessage},
		{"length below a header's", edit(good, put32(lengthAt, 48)), base.CorruptMessage},
		{"magic 0", edit(good, func(b Batch) { b[magicAt] = 0 }), base.InvalidRecord},
		{"magic 1", edit(good, func(b Batch) { b[magicAt] = 1 }), base.InvalidRecord},
		{"magic 3", edit(good, func(b Batch) { b[magicAt] = 3 }), base.CorruptMessage},
		{"magic -1", edit(good, func(b Batch) { b[magicAt] = 0xff }), base.CorruptMessage},
		{"base offset", edit(good, put64(0, 1)), base.InvalidRecord},
		{"checksum", func() []byte { b := bytes.Clone(good); b[len(b)-1] ^= 1; return b }(), base.CorruptMessage},
		{"count 0", edit(good, put32(countAt, 0)), base.InvalidRecord},
		{"count -1", edit(good, put32(countAt, 1<<32-1)), base.InvalidRecord},
		{"count and last offset differ", edit(good, put32(countAt, 2)), base.InvalidRecord},
		{"last offset negative", edit(good, put32(lastOffsetDeltaAt, 1<<31)), base.InvalidRecord},
		{"last offset at the end of numbers", edit(good, put32(lastOffsetDeltaAt, 1<<31-1)), base.InvalidRecord},
		{"control batch", edit(good, put16(attributesAt, uint16(Control))), base.InvalidRecord},
		{"delete horizon", edit(good, put16(attributesAt, uint16(DeleteHorizon))), base.InvalidRecord},
		{"log append time", edit(good, put16(attributesAt, uint16(LogAppendTime))), base.InvalidTimestamp},
		{"codec 5", edit(good, put16(attributesAt, 5)), base.UnsupportedCompressionType},
		{"codec 7", edit(good, put16(attributesAt, 7)), base.UnsupportedCompressionType},
		{"producer id -2", edit(good, put64(producerIDAt, 1<<64-2)), base.InvalidRecord},
		{"sequence -1 with producer", edit(idempotent, put32(baseSequenceAt, 1<<32-1)), base.InvalidRecord},
		{"epoch -1 with producer", edit(idempotent, put16(producerEpochAt, 1<<16-1)), base.InvalidRecord},
		{"transactional without producer", edit(good, put16(attributesAt, uint16(Transactional))), base.InvalidRecord},
	}
	for _, test := range tests {
		before := bytes.Clone(test.records)
		if _, _, err := Validate(test.records, rules()); base.KindOf(err) != test.want {
			t.Errorf("%s: kind %d, want %d: %v", test.name, base.KindOf(err), test.want, err)
		}
		if !bytes.Equal(before, test.records) {
			t.Errorf("%s: the refused batch was changed", test.name)
		}
	}
}

// TestValidateWalksTheRecords puts the same faults into plain and compressed batches.
func TestValidateWalksTheRecords(t *testing.T) {
	ok := rawRecord(0, 0, 0, 1, 1, 0)       // attributes, timestamp +0, offset +0, null key, null value, no headers
	second := rawRecord(0, 0, 2, 1, 1, 0)   // offset +1
	skipping := rawRecord(0, 0, 4, 1, 1, 0) // offset +2
	long := bytes.Repeat([]byte{0xff}, 11)
	tests := []struct {
		name  string
		count int
		body  []byte
	}{
		{"fewer records than claimed", 3, append(bytes.Clone(ok), second...)},
		{"more records than claimed", 1, append(bytes.Clone(ok), second...)},
		{"bytes left over", 1, append(bytes.Clone(ok), 0)},
		{"no records at all", 1, nil},
		{"a billion records claimed", 1 << 30, ok},
		{"offset skipped", 2, append(bytes.Clone(ok), skipping...)},
		{"offset repeated", 2, append(bytes.Clone(ok), ok...)},
		{"first offset not 0", 1, second},
		{"record longer than the batch", 1, append([]byte{40}, ok[1:]...)},
		{"record shorter than its parts", 1, append([]byte{10}, ok[1:]...)},
		{"negative record length", 1, append([]byte{1}, ok[1:]...)},
		{"key longer than the record", 1, rawRecord(0, 0, 0, 100, 1, 0)},
		{"key of 2 GiB", 1, rawRecord(0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0)},
		{"value longer than the record", 1, rawRecord(0, 0, 0, 1, 100, 0)},
		{"negative number of headers", 1, rawRecord(0, 0, 0, 1, 1, 1)},
		{"more headers than bytes", 1, rawRecord(0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f)},
		{"null header key", 1, rawRecord(0, 0, 0, 1, 1, 2, 1, 1)},
		{"header value longer than the record", 1, rawRecord(0, 0, 0, 1, 1, 2, 0, 100)},
		{"varint without end", 1, rawRecord(append([]byte{0}, long...)...)},
		{"offset delta of 64 bits", 1, rawRecord(0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1, 0)},
	}
	for _, c := range codecs {
		if _, _, err := Validate(rawBatch(c, 2, append(bytes.Clone(ok), second...)), rules()); err != nil {
			t.Fatalf("%s: the good one: %v", c, err)
		}
		for _, test := range tests {
			b := rawBatch(c, test.count, test.body)
			if _, _, err := Validate(b, rules()); base.KindOf(err) != base.InvalidRecord {
				t.Errorf("%s, %s: kind %d: %v", c, test.name, base.KindOf(err), err)
			}
			it, err := Iterate(b, 1<<20)
			for err == nil && it.Next() {
				it.Record().Headers()
			}
		}
	}
}

func TestBrokenStreamsAreInvalidRecords(t *testing.T) {
	for _, c := range codecs[1:] {
		good := Plain(c).Build(sample(200)...)
		for i := HeaderSize; i < len(good); i += 7 {
			bad := edit(good, func(b Batch) { b[i] ^= 0x55 })
			_, _, err := Validate(bad, rules())
			if kind := base.KindOf(err); err != nil && kind != base.InvalidRecord && kind != base.InvalidTimestamp {
				t.Fatalf("%s, byte %d: kind %d: %v", c, i, kind, err)
			}
		}
	}
}

func TestRulesOfTopicAndRequest(t *testing.T) {
	at := func(ms ...int64) Batch {
		records := make([]NewRecord, len(ms))
		for i := range ms {
			records[i] = NewRecord{Timestamp: ms[i], Key: []byte("k")}
		}
		return Plain(Gzip).Build(records...)
	}
	keyless := Plain(LZ4).Build(NewRecord{Key: []byte("k")}, NewRecord{}, NewRecord{Key: []byte{}}, NewRecord{})
	plain := Plain(None).Build(sample(3)...)
	tests := []struct {
		name    string
		batch   Batch
		rules   func(r *Rules)
		want    base.Kind
		indexes string
	}{
		{"largest size", plain, func(r *Rules) { r.MaxBytes = len(plain) }, base.OK, ""},
		{"a byte too large", plain, func(r *Rules) { r.MaxBytes = len(plain) - 1 }, base.MessageTooLarge, ""},
		{"zstd in v7", Plain(Zstd).Build(sample(1)...), func(r *Rules) { r.ProduceVersion = 7 }, base.OK, ""},
		{"zstd in v6", Plain(Zstd).Build(sample(1)...), func(r *Rules) { r.ProduceVersion = 6 }, base.UnsupportedCompressionType, ""},
		{"null keys", keyless, func(r *Rules) {}, base.OK, ""},
		{"null keys, compacted", keyless, func(r *Rules) { r.Compacted = true }, base.InvalidRecord, "[1 3]"},
		{"oldest", at(1900), func(r *Rules) { r.BeforeMaxMs = 100 }, base.OK, ""},
		{"too old", at(1950, 1899), func(r *Rules) { r.BeforeMaxMs = 100 }, base.InvalidTimestamp, "[1]"},
		{"newest", at(2100), func(r *Rules) { r.AfterMaxMs = 100 }, base.OK, ""},
		{"too new", at(2101, 2000, 2102), func(r *Rules) { r.AfterMaxMs = 100 }, base.InvalidTimestamp, "[0 2]"},
		{"no timestamp at all", at(-1), func(r *Rules) { r.BeforeMaxMs = 100 }, base.OK, ""},
		{"append time forgives any", at(1), func(r *Rules) { r.BeforeMaxMs, r.AppendTime = 100, true }, base.OK, ""},
		{"key and time", Plain(None).Build(NewRecord{Timestamp: 2000}, NewRecord{Timestamp: 1, Key: []byte("k")}),
			func(r *Rules) { r.BeforeMaxMs, r.Compacted = 100, true }, base.InvalidTimestamp, "[0 1]"},
	}
	for _, test := range tests {
		r := rules()
		test.rules(r)
		_, _, err := Validate(bytes.Clone(test.batch), r)
		indexes := ""
		if list := (*RecordsError)(nil); errors.As(err, &list) {
			var found []int32
			for _, e := range list.Records {
				found = append(found, e.Index)
			}
			indexes = fmt.Sprint(found)
		}
		if base.KindOf(err) != test.want || indexes != test.indexes {
			t.Errorf("%s: kind %d %s, want %d %s: %v", test.name, base.KindOf(err), indexes, test.want, test.indexes, err)
		}
	}
}

func TestListOfRecordErrorsIsBounded(t *testing.T) {
	r := rules()
	r.Compacted = true
	_, _, err := Validate(Plain(Zstd).Build(make([]NewRecord, 5000)...), r)
	var list *RecordsError
	if !errors.As(err, &list) || len(list.Records) != MaxRecordErrors {
		t.Fatalf("%v", err)
	}
}

func TestValidateStampsTimestamps(t *testing.T) {
	for _, c := range codecs {
		r := rules()
		wrong := edit(Plain(c).Build(sample(3)...), put64(maxTimestampAt, 77))
		b, info, err := Validate(wrong, r)
		if err != nil || b.MaxTimestamp() != 1002 || info.MaxTimestamp != 1002 || info.MaxTimestampDelta != 2 || b.CRC() != b.ComputeCRC() {
			t.Fatalf("%s: a wrong max timestamp became %d: %+v %v", c, b.MaxTimestamp(), info, err)
		}
		r.AppendTime = true
		b, info, err = Validate(wrong, r)
		if err != nil || b.MaxTimestamp() != r.NowMs || !b.Attributes().Has(LogAppendTime) || b.Attributes().Codec() != c ||
			info.MaxTimestamp != r.NowMs || info.MaxTimestampDelta != 0 || info.Attributes != b.Attributes() || b.CRC() != b.ComputeCRC() {
			t.Fatalf("%s: append time: %+v %v", c, info, err)
		}
	}
}

func TestInfoOfAProducersBatch(t *testing.T) {
	in := Builder{Attributes: Transactional, ProducerID: 7, Epoch: 2, BaseSequence: 1<<31 - 2}.Build(sample(3)...)
	b, info, err := Validate(append(in, 1, 2, 3), rules()) // an incomplete batch behind is dropped, as Kafka does
	if err != nil || info.ProducerID != 7 || info.Epoch != 2 || info.BaseSequence != 1<<31-2 || info.Attributes != Transactional {
		t.Fatalf("%+v %v", info, err)
	}
	if len(b) != len(in) || b.LastSequence() != 0 { // 2^31-2, 2^31-1, 0
		t.Fatalf("%d bytes, last sequence %d", len(b), b.LastSequence())
	}
}

// TestControlBatches: what a merge writes for the end of a transaction can be built and read, and clients cannot send it.
func TestControlBatches(t *testing.T) {
	marker := NewRecord{Timestamp: 5, Key: []byte{0, 0, 0, 1}, Value: []byte{0, 0, 0, 0, 0, 9}} // COMMIT, by coordinator epoch 9
	b := Builder{BaseOffset: 40, LeaderEpoch: 1, Attributes: Control | Transactional, ProducerID: 7, Epoch: 2, BaseSequence: -1}.Build(marker)
	if b.LastSequence() != -1 || b.LastOffset() != 40 || b.CRC() != b.ComputeCRC() {
		t.Fatalf("last sequence %d, last offset %d", b.LastSequence(), b.LastOffset())
	}
	it, err := Iterate(b, 1<<20)
	if err != nil || !it.Next() || !bytes.Equal(it.Record().Key, marker.Key) || !bytes.Equal(it.Record().Value, marker.Value) {
		t.Fatalf("%+v, %v", it, err)
	}
	b.Rebase(0, -1)
	if _, _, err := Validate(b, rules()); base.KindOf(err) != base.InvalidRecord {
		t.Fatalf("from a client: %v", err)
	}
}

func TestNextTakesBatchesOneByOne(t *testing.T) {
	var records []byte
	for n := 1; n <= 3; n++ {
		records = append(records, Plain(None).Build(sample(n)...)...)
	}
	records = append(records, records[:30]...)
	var counts []int32
	for {
		b, rest, err := Next(records)
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		counts, records = append(counts, b.Count()), rest
	}
	if fmt.Sprint(counts) != "[1 2 3]" || len(records) != 30 {
		t.Fatalf("%v, %d bytes left", counts, len(records))
	}
}

func TestFind(t *testing.T) {
	for _, c := range codecs {
		records := make([]NewRecord, 0, 6)
		for _, ms := range []int64{100, 300, 200, 300, 50, 250} {
			records = append(records, NewRecord{Timestamp: ms})
		}
		b := Plain(c).Build(records...)
		b.Rebase(10, 1)
		for _, test := range []struct{ timestamp, minOffset, offset, found int64 }{
			{0, 0, 10, 100}, {100, 0, 10, 100}, {101, 0, 11, 300}, {200, 12, 12, 200}, {250, 12, 13, 300}, {300, 14, -1, 0}, {301, 0, -1, 0},
		} {
			f, ok, err := FindByTimestamp(b, test.timestamp, test.minOffset)
			if err != nil || ok != (test.offset >= 0) || ok && f != (Found{test.offset, test.found}) {
				t.Errorf("%s: from %d at or after %d: %+v %v %v", c, test.timestamp, test.minOffset, f, ok, err)
			}
		}
		for minOffset, want := range map[int64]Found{0: {11, 300}, 11: {11, 300}, 12: {13, 300}, 14: {15, 250}, 16: {}} {
			if f, ok, err := MaxTimestampFrom(b, minOffset); f != want || ok != (want != Found{}) || err != nil {
				t.Errorf("%s: max timestamp from %d: %+v %v %v", c, minOffset, f, ok, err)
			}
		}
		b.stamp(true, 999)
		if f, ok, err := FindByTimestamp(b, 500, 0); f != (Found{10, 999}) || !ok || err != nil {
			t.Errorf("%s: append time: %+v %v %v", c, f, ok, err)
		}
	}
}
