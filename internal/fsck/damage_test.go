package fsck_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// flip changes one bit of an object; a negative at counts from its end.
func (b *bed) flip(key string, at int) {
	b.t.Helper()
	body := b.get(key)
	body[(at+len(body))%len(body)] ^= 1
	b.put(key, body)
}

// files are the data files in the order they were committed.
func (b *bed) files() (keys []string) {
	b.t.Helper()
	_, s := b.replica()
	s.Log.Files(func(_ uint64, f log.File) bool {
		keys = append(keys, segment.Key(f.Ref))
		return true
	})
	return keys
}

// append puts an entry of these events at the journal's end.
func (b *bed) append(events ...meta.Event) string {
	b.t.Helper()
	l, s := b.replica()
	slot, chain := l.Position()
	var p meta.Payload
	p.Add(meta.Outcome{Verdict: &meta.Verdict{Log: &log.Reply{}}, Events: events})
	e, err := journal.EncodeEntry(journal.Header{Slot: slot + 1, Prev: chain, Writer: 1, Attempt: [16]byte{1}, Time: s.Time, Level: meta.FeatureLevel}, p.Bytes())
	if err != nil {
		b.t.Fatal(err)
	}
	b.put(journal.EntryKey(slot+1), e)
	return journal.EntryKey(slot + 1)
}

// upload puts a data file of one chunk of orders-0, two batches of 3 records, and gives what an entry says of each.
func (b *bed) upload() (file base.FileRef, sizeBytes int64, first, second log.Batch) {
	b.t.Helper()
	one := plain(3)
	w := segment.NewBuilder(0)
	w.Add(topic, 0, segment.Summed(one), segment.Summed(one))
	body := w.Finish()
	file = base.FileRef{ID: base.ULID{1, 15: 7}}
	b.put(segment.Key(file), body)
	first = log.Batch{Topic: topic, Pos: segment.DataStart, Len: uint32(len(one)), Count: 3, MaxTimestamp: one.MaxTimestamp(), ProducerID: -1}
	second = first
	second.Pos += first.Len
	return file, int64(len(body)), first, second
}

// commit proposes a file as an agent does.
func (b *bed) commit(file base.FileRef, sizeBytes int64, batches ...log.Batch) {
	b.t.Helper()
	b.serve(func(c *control.Control, _ *ingest.Ingest) {
		op := &log.CommitSegment{File: file, SizeBytes: sizeBytes, LastModified: c.Now(), Batches: batches}
		if v, err := c.Propose(op).Wait(soon()); err != nil || v.Kind() != base.OK {
			b.t.Fatal(err, v)
		}
	})
}

// Damage done by hand is found, named by its object, and given its severity. None of it is repaired: the bucket is left as it is,
// also by a repair, which would have an orphan to delete.
func TestDamage(t *testing.T) {
	tests := []struct {
		name     string
		do       func(b *bed) (key string)
		severity fsck.Severity
		text     string
	}{
		{"truncated segment", func(b *bed) string {
			key := b.files()[2]
			b.put(key, b.get(key)[:60])
			return key
		}, fsck.Damage, "the file has 60 bytes, the state says 314; damaged in it are orders-0 offsets 6 to 8 (bytes 16 to 119): they lie behind"},
		{"segment without its last byte", func(b *bed) string {
			key := b.files()[2]
			b.put(key, b.get(key)[:313])
			return key
		}, fsck.Damage, "all records that the state has in it are sound"},
		{"segment that is too long", func(b *bed) string {
			key := b.files()[2]
			b.put(key, append(b.get(key), 0))
			return key
		}, fsck.Damage, "more bytes than the 314"},
		{"empty segment", func(b *bed) string {
			key := b.files()[2]
			b.put(key, nil)
			return key
		}, fsck.Damage, "the file has 0 bytes"},
		{"flipped bit in a record", func(b *bed) string {
			key := b.files()[2]
			b.flip(key, 100)
			return key
		}, fsck.Damage, "damaged in it are orders-0 offsets 6 to 8 (bytes 16 to 119): the batch has CRC"},
		{"flipped bit in a batch's length", func(b *bed) string {
			key := b.files()[2]
			b.flip(key, 16+9)
			return key
		}, fsck.Damage, "damaged in it are orders-0 offsets 6 to 8 (bytes 16 to 119): no whole batch begins there"},
		{"flipped bit in a segment's header", func(b *bed) string {
			key := b.files()[2]
			b.flip(key, 6)
			return key
		}, fsck.Damage, "all records that the state has in it are sound"},
		{"flipped bit in a segment's index", func(b *bed) string {
			key := b.files()[2]
			b.flip(key, -30)
			return key
		}, fsck.Damage, "all records that the state has in it are sound"},
		{"flipped bit in a segment's footer", func(b *bed) string {
			key := b.files()[2]
			b.flip(key, -18)
			return key
		}, fsck.Damage, "all records that the state has in it are sound"},
		{"batch damaged before the segment was made", func(b *bed) string {
			key := b.files()[2]
			b.put(key, reseal(b, b.get(key)))
			return key
		}, fsck.Damage, "orders-0 offsets 6 to 8 (bytes 16 to 119): the batch has CRC"},
		{"segment with another's content", func(b *bed) string {
			file, size, first, _ := b.upload()
			b.commit(file, size, first)
			other := segment.NewBuilder(0)
			other.Add(topic, 1, segment.Summed(plain(3)), segment.Summed(plain(3)))
			b.put(segment.Key(file), other.Finish())
			return segment.Key(file)
		}, fsck.Damage, "no chunk of the file's index holds orders-0 offsets 18 to 20"},
		{"bytes referred to twice", func(b *bed) string {
			file, size, first, _ := b.upload()
			b.commit(file, size, first, first)
			return segment.Key(file)
		}, fsck.Damage, "bytes 16 to 119 are referred to twice: by orders-0 offsets 18 to 20, and by orders-0 offsets 21 to 23"},
		{"bytes referred to twice, one reference within another", func(b *bed) string {
			file, size, first, second := b.upload()
			both := first
			both.Len, both.Count = 2*first.Len, 6
			b.commit(file, size, first, both, second)
			return segment.Key(file)
		}, fsck.Damage, "bytes 119 to 222 are referred to twice: by orders-0 offsets 21 to 26, and by orders-0 offsets 27 to 29"},
		{"file committed twice", func(b *bed) string {
			_, s := b.replica()
			f, _ := s.Log.File(1)
			return b.append(&log.SegmentCommitted{File: 7, Ref: f.Ref, SizeBytes: f.SizeBytes, LastModified: s.Time, At: s.Time})
		}, fsck.Damage, "committed before: true"},
		{"moved segment", func(b *bed) string {
			key := b.files()[2]
			name := key[len("data/5b/"):]
			body := b.get(key)
			b.delete(key)
			b.put("data/"+name, body)
			return key
		}, fsck.Damage, "lost are orders-0 offsets 6 to 8, orders-1 offsets 6 to 8"},
		{"copied segment", func(b *bed) string {
			key := b.files()[2]
			b.put("data/"+key[len("data/5b/"):], b.get(key))
			return "data/" + key[len("data/5b/"):]
		}, fsck.Note, "is looked for under"},
		{"missing segment", func(b *bed) string {
			key := b.files()[2]
			b.delete(key)
			return key
		}, fsck.Damage, "the file is not there; lost are orders-0 offsets 6 to 8, orders-1 offsets 6 to 8"},
		{"missing entry", func(b *bed) string {
			b.delete(journal.EntryKey(3))
			return journal.EntryKey(3)
		}, fsck.Damage, "is not there"},
		{"missing first entry", func(b *bed) string {
			b.delete(journal.EntryKey(1))
			return journal.EntryKey(1)
		}, fsck.Damage, "no usable snapshot"},
		{"missing entry that a young snapshot stands for", func(b *bed) string {
			b.snapshot(0)
			b.delete(journal.EntryKey(3))
			return journal.EntryKey(3)
		}, fsck.Damage, "no snapshot was old enough"},
		{"flipped bit in an entry", func(b *bed) string {
			b.flip(journal.EntryKey(4), -20)
			return journal.EntryKey(4)
		}, fsck.Damage, "cannot be read"},
		{"entry replaced by another", func(b *bed) string {
			e, err := journal.DecodeEntry(b.get(journal.EntryKey(4)))
			if err != nil {
				b.t.Fatal(err)
			}
			e.Attempt[0] ^= 1
			other, err := journal.EncodeEntry(e.Header, e.Payload)
			if err != nil {
				b.t.Fatal(err)
			}
			b.put(journal.EntryKey(4), other)
			return journal.EntryKey(6)
		}, fsck.Damage, "an earlier entry is not the one they were written behind"},
		{"flipped bit in a snapshot's manifest", func(b *bed) string {
			key := b.snapshot(0)
			b.flip(key, 30)
			return key
		}, fsck.Damage, "checksum"},
		{"flipped bit in a snapshot part", func(b *bed) string {
			key := b.snapshot(0)
			b.flip(b.keys("part/")[0], 40)
			return key
		}, fsck.Damage, "SHA-256"},
		{"missing snapshot part", func(b *bed) string {
			key := b.snapshot(0)
			b.delete(b.keys("part/")[2])
			return key
		}, fsck.Damage, "not found"},
		{"snapshot with a wrong digest", func(b *bed) string { return b.snapshot(1) }, fsck.Damage, "the manifest says"},
		{"snapshot of another cluster", func(b *bed) string {
			other := filled(b.t, memstore.New(time.Now))
			key := other.snapshot(0)
			for _, k := range append(other.keys("part/"), key) {
				b.put(k, other.get(k))
			}
			return key
		}, fsck.Damage, "of cluster"},
		{"foreign object", func(b *bed) string {
			b.put("data/README.txt", []byte("hello"))
			return "data/README.txt"
		}, fsck.Note, "not an object of Millrace"},
		{"foreign object outside", func(b *bed) string {
			b.put("other/thing", []byte("hello"))
			return "other/thing"
		}, fsck.Note, "not an object of Millrace"},
		{"late void entry", func(b *bed) string {
			n := base.Slot(len(b.keys("journal/")) + 1)
			e, err := journal.EncodeEntry(journal.Header{Slot: n, Writer: 9, Attempt: [16]byte{1}}, nil)
			if err != nil {
				b.t.Fatal(err)
			}
			b.put(journal.EntryKey(n), e)
			return journal.EntryKey(n)
		}, fsck.Note, "void: agent 9"},
		{"cluster.json gone", func(b *bed) string {
			b.delete("cluster.json")
			return "cluster.json"
		}, fsck.Damage, "restore it"},
		{"cluster.json damaged", func(b *bed) string {
			b.flip("cluster.json", 20)
			return "cluster.json"
		}, fsck.Damage, "checksum"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			b := filled(t, memstore.New(func() time.Time { return now }))
			orphan := b.orphan()
			now = now.Add(2 * time.Hour)
			b.serve(func(*control.Control, *ingest.Ingest) {}) // an entry that proves the orphan
			key := test.do(b)
			before := b.contents()
			for _, repair := range []bool{false, true} {
				r := b.check(fsck.Options{Repair: repair})
				if r.OK() != (test.severity != fsck.Damage) || (r.Refused != "") != (test.severity == fsck.Damage && r.Repairable > 0) {
					t.Errorf("damage: %d, refused: %q", r.Damage, r.Refused)
				}
				if !found(r, fsck.Problem{Severity: test.severity, Key: key, Text: test.text}) {
					t.Errorf("want %s of %s: … %s …, got %+v", test.severity, key, test.text, r.Problems)
				}
				if test.severity != fsck.Damage {
					continue
				}
				if after := b.contents(); after != before {
					t.Errorf("the bucket has changed:\n%s\nwas:\n%s", after, before)
				}
			}
			if b.has(orphan) != (test.severity == fsck.Damage) {
				t.Errorf("the orphan is there: %t", b.has(orphan))
			}
		})
	}
}

// found reports whether a report has a problem like that, whose text holds want's.
func found(r fsck.Report, want fsck.Problem) bool {
	return slices.ContainsFunc(r.Problems, func(p fsck.Problem) bool {
		return p.Key == want.Key && p.Severity == want.Severity && p.Repair == want.Repair && strings.Contains(p.Text, want.Text)
	})
}

// contents lists all objects of the bucket, with their bytes.
func (b *bed) contents() string {
	b.t.Helper()
	var text strings.Builder
	for _, key := range b.keys("") {
		fmt.Fprintf(&text, "%s %x\n", key, b.get(key))
	}
	return text.String()
}

func (b *bed) has(key string) bool {
	b.t.Helper()
	_, err := b.store.Head(b.t.Context(), key)
	return err == nil
}

// orphan uploads a file that nobody will commit.
func (b *bed) orphan() string {
	b.t.Helper()
	w := segment.NewBuilder(0)
	w.Add(topic, 0, segment.Summed([]byte("bytes")))
	key := segment.Key(base.FileRef{ID: base.ULID{1, 2, 3}})
	b.put(key, w.Finish())
	return key
}

// reseal changes a record's byte and gives the segment right checksums again: only the batch's own CRC tells.
func reseal(b *bed, file []byte) []byte {
	parsed, err := segment.Parse(file)
	if err != nil {
		b.t.Fatal(err)
	}
	w := segment.NewBuilder(parsed.Store)
	for _, e := range parsed.Entries {
		chunk := bytes.Clone(parsed.Chunk(e))
		chunk[len(chunk)-3] ^= 1
		w.Add(e.Topic, e.Partition, segment.Summed(chunk))
	}
	return w.Finish()
}
