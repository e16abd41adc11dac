package log

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// dump is all of a state, as its snapshot parts.
func dump(s *State) map[string][]byte {
	out := map[string][]byte{}
	for _, p := range s.Parts(nil) {
		out[p.Key] = p.Encode()
	}
	return out
}

func sameDump(a, b map[string][]byte) error {
	for k := range a {
		if !bytes.Equal(a[k], b[k]) {
			return fmt.Errorf("part %s: %x, then %x", k, a[k], b[k])
		}
	}
	if len(a) != len(b) {
		return fmt.Errorf("%d parts, then %d", len(a), len(b))
	}
	return nil
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encoded(v interface{ Encode(*codec.Writer) }) []byte {
	var w codec.Writer
	v.Encode(&w)
	return w.B
}

// gen draws commands that often fit.
type gen struct {
	t     *rapid.T
	s     *State
	now   base.Millis
	files uint64
}

func (g *gen) n(name string, least, most int) int { return rapid.IntRange(least, most).Draw(g.t, name) }

func (g *gen) id() base.TopicID {
	var ids []base.TopicID
	g.s.Topics(func(t *Topic) bool {
		ids = append(ids, t.ID)
		return true
	})
	if len(ids) == 0 || g.n("unknown topic", 0, 9) == 0 {
		return base.TopicID{0xEE}
	}
	return ids[g.n("topic", 0, len(ids)-1)]
}

func (g *gen) command() Command {
	index := int32(g.n("index", -1, 3))
	switch k := g.n("command", 0, 30); k {
	case 0, 1:
		var configs []config.KV
		if g.n("configured", 0, 1) == 1 {
			configs = []config.KV{{Name: "retention.ms", Value: fmt.Sprint(g.n("retention", -1, 3000))}}
		}
		return &CreateTopic{Name: string(rune('a' + g.n("name", 0, 3))), ID: base.TopicID{byte(g.n("id", 0, 200))},
			Partitions: int32(g.n("partitions", 0, 3)), Configs: configs}
	case 2:
		return &DeleteTopic{ID: g.id()}
	case 3:
		return &CreatePartitions{ID: g.id(), Count: int32(g.n("count", 0, 5))}
	case 4:
		v := fmt.Sprint(g.n("bytes", -1, 500))
		return &ConfigureTopic{ID: g.id(), Replace: g.n("replace", 0, 1) == 1, Ops: []config.Op{{Name: "retention.bytes", Value: &v}}}
	case 5:
		return &AllocateProducerIDs{Count: int32(g.n("count", -1, 20))}
	case 6:
		return &DeleteRecords{ID: g.id(), Index: index, Offset: int64(g.n("offset", -2, 400))}
	case 7:
		return &Retain{ID: g.id(), Index: index, Start: int64(g.n("offset", -2, 400))}
	case 8:
		return &ExpireProducers{ID: g.id(), Index: index, AfterMs: base.Millis(g.n("after", -1, 5))}
	case 9, 10, 11:
		return g.landing()
	case 12, 13, 14, 15, 16:
		return g.merge()
	case 17:
		c := &RemoveFiles{}
		g.s.Files(func(n uint64, f File) bool {
			if f.Refs == 0 || g.n("remove too", 0, 40) == 0 {
				c.Files = append(c.Files, n)
			}
			return true
		})
		return c
	}
	return g.segment()
}

// landing is of some riders, and now and then of a file that does not ride.
func (g *gen) landing() Command {
	g.files++
	c := &LandFiles{File: base.FileRef{Store: 1, ID: ulidOf(g.files)}, SizeBytes: 1000, LastModified: g.now}
	g.s.Files(func(n uint64, f File) bool {
		if f.Where == Riding && g.n("lands", 0, 3) > 0 || g.n("lands too", 0, 40) == 0 {
			c.Landings = append(c.Landings, Landing{n, uint32(c.SizeBytes) - 1000})
			c.SizeBytes += f.SizeBytes
		}
		return true
	})
	return c
}

// merge is of a stretch of some partitions, now and then of one that is not there.
func (g *gen) merge() Command {
	g.files++
	c := &MergeExtents{File: base.FileRef{Store: 1, ID: ulidOf(g.files)}, SizeBytes: 16, LastModified: g.now}
	g.s.Partitions(func(p *Partition) bool {
		for from := 0; p.Extents.Len()-from > 1 && g.n("merges", 0, 2) > 0; {
			from = g.stretch(c, p, from)
		}
		return true
	})
	return c
}

// stretch adds one that begins behind so many extents of a partition, and gives behind how many it ends.
func (g *gen) stretch(c *MergeExtents, p *Partition, behind int) int {
	extents := p.Extents.Len()
	from := g.n("from", behind, extents-2)
	m := MergeStretch{Partition: p.Key.Index(), Pos: uint32(c.SizeBytes), Stretch: Stretch{Extents: uint32(g.n("extents", 2, extents-from))}}
	t, _ := g.s.Topic(p.Key.Topic())
	m.Topic = t.ID
	end, n := from+int(m.Extents), 0
	p.Extents.From(0, func(e Extent) bool {
		m.Base = e.Base
		n++
		return n <= from
	})
	sum, _ := p.Extents.Sum(m.Stretch)
	if m.Hash = sum.Hash; g.n("stale", 0, 9) == 0 {
		m.Hash++
	}
	c.SizeBytes += int64(sum.Whole.Len)
	c.Stretches = append(c.Stretches, m)
	slices.SortFunc(c.Stretches, func(a, b MergeStretch) int { return a.Compare(&b) })
	return end
}

func (g *gen) segment() Command {
	g.files++
	c := &CommitSegment{File: base.FileRef{Store: 1, ID: ulidOf(g.files - uint64(g.n("again", 0, 20)/20))}, SizeBytes: 10_000,
		LastModified: g.now - base.Millis(g.n("age", 0, 1_900_000))}
	id, pos := g.id(), uint32(16)
	for range g.n("batches", 0, 40) {
		b := Batch{Topic: id, Partition: int32(g.n("index", -1, 3)), Pos: pos, Len: uint32(g.n("len", 0, 50)), Count: int32(g.n("records", 0, 5)),
			MaxTimestamp: int64(g.now) - int64(g.n("old", 0, 3000)), ProducerID: int64(g.n("producer", -10, 45))}
		if b.ProducerID >= 0 {
			g.sequence(&b)
		}
		pos += b.Len + uint32(g.n("hole", 0, 3)/3)
		c.Batches = append(c.Batches, b)
	}
	if g.n("rides", 0, 1) == 1 {
		c.Body = make([]byte, c.SizeBytes)
	}
	return c
}

// sequence gives b a sequence that is mostly the next.
func (g *gen) sequence(b *Batch) {
	_, p, ok := g.s.PartitionOf(b.Topic, b.Partition)
	if !ok {
		return
	}
	if pr := p.Producer(b.ProducerID); pr != nil {
		b.Epoch, b.BaseSequence = pr.Epoch, pr.NextSequence()
	}
	switch g.n("sequence", 0, 9) {
	case 0:
		b.BaseSequence += int32(g.n("off", -20, 3))
	case 1:
		b.Epoch, b.BaseSequence = b.Epoch+1, 0
	case 2:
		b.BaseSequence = 1<<31 - 3
	}
}

// TestRandom holds the room against what it promises, over random histories:
// deciding changes nothing; forks do not see each other, whichever of them goes on; a replica that applies in place ends
// the same; what is encoded comes back; a part that counts as unchanged is; a restored state is equal and goes on alike.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &gen{t: t, s: New(), now: 100_000_000}
		replica := New()
		type kept struct {
			s    *State
			dump map[string][]byte
		}
		old := []kept{{g.s, dump(g.s)}}
		for slot := range base.Slot(g.n("steps", 1, 60)) {
			g.now += base.Millis(g.n("wait", 0, 1000))
			c := g.command()
			before := old[len(old)-1].dump
			g.s.Begin(slot + 1)
			replica.Begin(slot + 1)
			events, reply := Decide(g.s, c, g.now, brokerOf(5))
			must(t, sameDump(before, dump(g.s)))
			recodeCommand(t, c)
			recodeReply(t, reply)

			a, b := g.s.Fork(), g.s.Fork()
			for _, e := range events {
				recoded := recodeEvent(t, e)
				must(t, a.Apply(e))
				must(t, b.Apply(recoded))
				must(t, replica.Apply(recoded))
			}
			da := dump(a)
			must(t, sameDump(da, dump(b)))
			must(t, sameDump(da, dump(replica)))
			must(t, a.Check())
			for _, o := range old {
				must(t, checkIncrement(a, o.s, o.dump))
			}
			if g.n("restore", 0, 9) == 0 {
				b = restored(t, da)
				must(t, sameDump(da, dump(b)))
			}
			// Another fork of the same base goes another way; neither the first nor the base may be seen to change.
			other, _ := Decide(g.s, g.command(), g.now, brokerOf(5))
			sideways := g.s.Fork()
			for _, e := range other {
				must(t, sideways.Apply(e))
			}
			must(t, sideways.Check())
			must(t, sameDump(da, dump(a)))
			must(t, sameDump(before, dump(g.s)))
			if len(old) == 5 {
				old = slices.Delete(old, 1, 2)
			}
			g.s = a
			old = append(old, kept{a, da})
		}
		for _, o := range old {
			must(t, sameDump(o.dump, dump(o.s)))
		}
	})
}

// brokerOf has producers expire after so many milliseconds.
func brokerOf(expireMs int) config.Broker {
	return config.NewBroker(map[string]string{"producer.id.expiration.ms": fmt.Sprint(expireMs)}, nil)
}

// checkIncrement holds what the parts of s say about those of prev against the truth.
func checkIncrement(s, prev *State, before map[string][]byte) error {
	for _, p := range s.Parts(prev) {
		if !p.Changed && !bytes.Equal(p.Encode(), before[p.Key]) {
			return fmt.Errorf("part %s counts as unchanged and is not", p.Key)
		}
	}
	for _, p := range s.Parts(s) {
		if p.Changed && p.Key != metaPart {
			return fmt.Errorf("part %s of a state differs from itself", p.Key)
		}
	}
	return nil
}

func restored(t *rapid.T, parts map[string][]byte) *State {
	r := NewRestorer()
	keys := slices.Sorted(maps.Keys(parts))
	for _, k := range rapid.Permutation(keys).Draw(t, "order of parts") {
		must(t, r.Part(k, parts[k]))
	}
	s, err := r.Finish()
	must(t, err)
	return s
}

func recodeCommand(t *rapid.T, c Command) {
	t.Helper()
	r := &codec.Reader{B: encoded(c)}
	back := DecodeCommand(c.Tag(), r)
	must(t, r.Done())
	if !bytes.Equal(encoded(c), encoded(back)) {
		t.Fatalf("%+v comes back as %+v", c, back)
	}
}

func recodeEvent(t *rapid.T, e Event) Event {
	t.Helper()
	r := &codec.Reader{B: encoded(e)}
	back := DecodeEvent(e.Tag(), r)
	must(t, r.Done())
	if !bytes.Equal(encoded(e), encoded(back)) {
		t.Fatalf("%+v comes back as %+v", e, back)
	}
	return back
}

func recodeReply(t *rapid.T, p *Reply) {
	t.Helper()
	r := &codec.Reader{B: encoded(p)}
	back := DecodeReply(r)
	must(t, r.Done())
	if !bytes.Equal(encoded(p), encoded(back)) {
		t.Fatalf("%+v comes back as %+v", p, back)
	}
}

// TestManyExtentsAndShards passes the bounds of chunks, shards and part sizes that random histories do not reach.
func TestManyExtentsAndShards(t *testing.T) {
	w := newWorld(t, 3*shardPartitions)
	for range ChunkExtents*(1<<chunkPartShift) + 5 {
		w.s = w.s.Fork()
		w.apply(t, w.segment(0, 3, -1, 0))
	}
	first := w.s
	parts := checkRestores(t, first)
	if len(parts) < 8 || first.shardBits() != 2 {
		t.Fatalf("%d parts, %d bits of shards", len(parts), first.shardBits())
	}
	w.s = w.s.Fork()
	w.apply(t, w.segment(0, 1, -1, 0))
	changed := 0
	for _, p := range w.s.Parts(first) {
		if p.Changed {
			changed++
		}
	}
	if changed != 3 { // meta, the shard's heads, files
		t.Errorf("one append changed %d parts", changed)
	}
	w.apply(t, &Trimmed{Key: base.KeyOf(1, 0), Start: 5*ChunkExtents*5 + 7, At: w.now})
	checkRestores(t, w.s)
	for more := int32(4 * shardPartitions); w.s.shardBits() == 2; more++ {
		w.apply(t, &PartitionsCreated{Number: 1, Count: more})
	}
	for _, p := range w.s.Parts(first) {
		if !p.Changed && p.Key[:8] != "log/file" {
			t.Errorf("part %s counts as unchanged after all keys changed", p.Key)
		}
	}
}

func checkRestores(t *testing.T, s *State) map[string][]byte {
	t.Helper()
	parts, r := dump(s), NewRestorer()
	for k, b := range parts {
		if err := r.Part(k, b); err != nil {
			t.Fatal(err)
		}
	}
	back, err := r.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := sameDump(parts, dump(back)); err != nil || back.Digest() != s.Digest() {
		t.Fatal(err)
	}
	return parts
}

// TestPartsAreBounded: more producers than a part holds go on in further parts, and come back.
func TestPartsAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	p := w.s.partition(base.KeyOf(1, 0))
	w.apply(t, w.segment(0, 1, -1, 0))
	for id := range int64(200_000) {
		pr := (*Producer)(nil).appended(id, 0, 0, 1, 0, w.now)
		p.producers.put(pr)
	}
	parts := checkRestores(t, w.s)
	if len(parts["log/many/00/0000+1"]) == 0 {
		t.Error("all producers went into one part")
	}
	for k, b := range parts {
		if len(b) > partBytes {
			t.Errorf("part %s has %d bytes", k, len(b))
		}
	}
}

// TestWindowAgainstList holds the sequence window against a plain list of all batches.
func TestWindowAgainstList(t *testing.T) {
	type sent struct {
		epoch           int16
		seq, last, next int32
		base            int64
	}
	rapid.Check(t, func(t *rapid.T) {
		var p *Producer
		var all []sent
		end := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			end += rapid.SampledFrom([]int64{0, 1, 1 << 31, 1 << 32}).Draw(t, "others")
			epoch := int16(rapid.IntRange(0, 2).Draw(t, "epoch"))
			count := rapid.Int32Range(1, 3).Draw(t, "count")
			seq := rapid.SampledFrom([]int32{0, 1, 1<<31 - 2, 1<<31 - 1}).Draw(t, "sequence")
			if n := len(all); n > 0 && rapid.IntRange(0, 3).Draw(t, "fits") > 0 {
				back := rapid.IntRange(0, min(n-1, 12)).Draw(t, "back")
				epoch, seq = all[n-1].epoch, all[n-1].next
				if back > 0 {
					epoch, seq, count = all[n-back].epoch, all[n-back].seq, all[n-back].last-all[n-back].seq+1
					if count <= 0 {
						continue
					}
				}
			}
			want, first := SequenceGap, int64(0)
			var current []sent
			for _, b := range all {
				if b.epoch == all[len(all)-1].epoch {
					current = append(current, b)
				}
			}
			recent := current[max(0, len(current)-WindowBatches):]
			switch {
			case len(all) == 0:
				want = SequenceNext
			case epoch < recent[0].epoch:
				want = SequenceFenced
			case epoch > recent[0].epoch && seq == 0, epoch == recent[0].epoch && seq == recent[len(recent)-1].next:
				want = SequenceNext
			}
			for _, b := range recent {
				if b.epoch == epoch && b.seq == seq && b.last == LastSequence(seq, count) && end-b.base < 1<<32 && want != SequenceFenced {
					want, first = SequenceDuplicate, b.base
					break
				}
			}
			got, at := p.Judge(epoch, seq, count)
			far := p != nil && got != want && end-recent[0].base >= 1<<31 // distances may pass what a window holds
			if (got != want || at != first) && !far {
				t.Fatalf("epoch %d, sequence %d+%d: %d at %d, want %d at %d; window %+v, sent %+v", epoch, seq, count, got, at, want, first, p, all)
			}
			if got != SequenceNext {
				continue
			}
			n := p.appended(7, epoch, seq, count, end, 5)
			p = &n
			if !p.sound(end + int64(count)) {
				t.Fatalf("%+v is not sound", p)
			}
			all = append(all, sent{epoch, seq, LastSequence(seq, count), nextSequence(LastSequence(seq, count)), end})
			end += int64(count)
		}
	})
}
