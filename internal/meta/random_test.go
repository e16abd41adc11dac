package meta_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

func dump(s *meta.State) map[string][]byte {
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

func restore(parts map[string][]byte, order []string) (*meta.State, error) {
	r := meta.NewRestorer()
	for _, k := range order {
		if err := r.Part(k, parts[k]); err != nil {
			return nil, err
		}
	}
	return r.Finish()
}

// gen draws commands of agents; sent are those decided before, to be repeated.
type gen struct {
	t    *rapid.T
	s    *meta.State
	ulid uint64
	sent []meta.Command
}

func (g *gen) n(name string, least, most int) int { return rapid.IntRange(least, most).Draw(g.t, name) }

func (g *gen) command() meta.Command {
	if len(g.sent) > 0 && g.n("repeat", 0, 5) == 0 {
		return g.sent[g.n("which", 0, len(g.sent)-1)]
	}
	agents := g.s.Admin.Agents()
	if len(agents) == 0 || g.n("register", 0, 15) == 0 {
		return meta.Command{Op: &admin.Register{Profile: admin.Profile{Nonce: [16]byte{byte(g.n("nonce", 0, 20))}, Kafka: "host:1", Level: 1}}}
	}
	from := agents[g.n("from", 0, len(agents)-1)].Incarnation
	next, _ := g.s.Session(from)
	number := next + uint64(g.n("gap", 0, 12)/12)
	return meta.Command{From: from, Number: number, Watermark: uint64(max(0, int(number)-1-g.n("lag", 0, 3))), Op: g.op(from)}
}

func (g *gen) op(self base.Incarnation) meta.Op {
	topic := base.TopicID{byte(g.n("topic", 1, 3))}
	switch g.n("op", 0, 9) {
	case 0:
		return &admin.Renew{Idle: g.n("idle", 0, 1) == 1}
	case 1:
		return &admin.Expire{Incarnation: base.Incarnation(g.n("whom", 0, 5)), Broken: true}
	case 2:
		if g.n("goes", 0, 3) == 0 {
			return &admin.Deregister{}
		}
		v := fmt.Sprint(g.n("partitions", 0, 5))
		return &admin.AlterCluster{Ops: []config.Op{{Name: "num.partitions", Value: &v}}}
	case 3:
		return &log.DeleteTopic{ID: topic}
	case 4, 5:
		return &log.CreateTopic{Name: fmt.Sprint("t", topic[0]), ID: topic, Partitions: 2}
	case 6, 7:
		return &group.OffsetCommit{Group: "g", Generation: -1, RetentionMs: -1, Partitions: []group.CommitPartition{{Topic: topic, Offset: int64(g.n("offset", 0, 9)), LeaderEpoch: -1}}}
	}
	g.ulid++
	var id base.ULID
	binary.BigEndian.PutUint64(id[8:], g.ulid)
	if g.n("land", 0, 4) == 0 {
		c := &log.LandFiles{File: base.FileRef{ID: id}, LastModified: g.s.Time}
		g.s.Log.Riders(func(n uint64, f log.File) bool {
			c.Landings = append(c.Landings, log.Landing{File: n, Delta: uint32(c.SizeBytes)})
			c.SizeBytes += f.SizeBytes
			return true
		})
		return c
	}
	c := &log.CommitSegment{File: base.FileRef{ID: id}, SizeBytes: 100, LastModified: g.s.Time, Batches: []log.Batch{
		{Topic: topic, Partition: int32(g.n("index", 0, 2)), Len: 100, Count: 3, ProducerID: int64(self), BaseSequence: int32(3 * g.n("sequence", 0, 3))}}}
	if g.n("ride", 0, 1) == 1 {
		c.Body = make([]byte, 100)
	}
	return c
}

// TestRandom: over random histories of agents, deciding changes nothing, a replica that applies what stands in the entry
// ends where the writer ends, old states never change, a repeat gets the first verdict, and snapshots restore.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		g := &gen{t: t, s: meta.New()}
		replica := meta.New()
		verdicts := map[[2]uint64]*meta.Verdict{}
		for slot := base.Slot(1); slot < base.Slot(g.n("entries", 2, 30)); slot++ {
			before := dump(g.s)
			next, now := g.s.Fork(), base.Millis(slot)*1000-base.Millis(g.n("late", 0, 3000))
			next.Begin(slot, now)
			var p meta.Payload
			for range g.n("commands", 1, 4) {
				c := g.command()
				recode(t, c)
				was := dump(next)
				o, isNew := meta.Decide(next, c, now, meta.NewRules(nil, next.Admin.Configs()))
				must(sameDump(was, dump(next)))
				if first := verdicts[[2]uint64{uint64(c.From), c.Number}]; first != nil && o.Verdict != first && o.Verdict.Kind() != base.NumberGap && o.Verdict.Kind() != base.SessionGone {
					t.Fatalf("command %d of %d: %+v, at first %+v", c.Number, c.From, o.Verdict, first)
				}
				if !isNew {
					continue
				}
				must(next.Apply(&o))
				if c.From != 0 {
					verdicts[[2]uint64{uint64(c.From), c.Number}] = o.Verdict
				}
				g.sent = append(g.sent, c)
				p.Add(o)
			}
			outcomes, err := meta.DecodeOutcomes(p.Bytes())
			must(err)
			var again meta.Payload
			replica.Begin(slot, now)
			for i := range outcomes {
				again.Add(outcomes[i])
				must(replica.Apply(&outcomes[i]))
			}
			if !bytes.Equal(again.Bytes(), p.Bytes()) {
				t.Fatalf("payload %x comes back as %x", p.Bytes(), again.Bytes())
			}
			must(sameDump(before, dump(g.s)))
			after := dump(next)
			must(sameDump(after, dump(replica)))
			must(next.Check())
			for _, part := range next.Parts(g.s) {
				if !part.Changed && !bytes.Equal(part.Encode(), before[part.Key]) {
					t.Fatalf("part %s counts as unchanged and is not", part.Key)
				}
			}
			if g.n("restore", 0, 4) == 0 {
				order := rapid.Permutation(slices.Sorted(maps.Keys(after))).Draw(t, "order of parts")
				back, err := restore(after, order)
				must(err)
				must(sameDump(after, dump(back)))
				if back.Digest() != next.Digest() {
					t.Fatal("the restored state has another digest")
				}
				// A verdict read from a snapshot is another value than the one that was given out.
				next, verdicts = back, map[[2]uint64]*meta.Verdict{}
			}
			g.s = next
		}
	})
}

func recode(t *rapid.T, c meta.Command) {
	t.Helper()
	var w, again codec.Writer
	c.Encode(&w)
	back, err := meta.DecodeCommand(&codec.Reader{B: w.B})
	if err != nil {
		t.Fatal(err)
	}
	if back.Encode(&again); !bytes.Equal(w.B, again.B) {
		t.Fatalf("%+v comes back as %+v", c, back)
	}
}
