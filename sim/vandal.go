package sim

import (
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
)

// CheckBadInput: what must be refused as it is was taken.
const CheckBadInput = "bad-input"

// vandal sends batches that were damaged on their way.
type vandal struct {
	*kafka
	sent int
}

func (c *Cluster) newVandal(name string) {
	v := &vandal{kafka: c.newKafka(c.w.Proc(name))}
	v.p.Go("vandal", v.run)
}

func (v *vandal) run() {
	for {
		v.p.Sleep(v.c.w.Between(0, 20*time.Second))
		if v.c.quiet || !v.ready() {
			continue
		}
		i := int32(v.c.w.Uint64() % uint64(v.c.options.Partitions))
		if l := v.leader(i); l != nil {
			v.send(l, i)
		}
	}
}

// send sends a batch with one bit of its value flipped.
func (v *vandal) send(l *line, partition int32) {
	v.sent++
	b := batch.Plain(0).Build(batch.NewRecord{Timestamp: v.c.bucket.now().UnixMilli(), Value: fmt.Appendf(nil, "damaged/%d/%d", partition, v.sent)})
	b[len(b)-3] ^= 1
	q := &request{batches: []ingest.Batch{{Topic: v.c.topic, Partition: partition, Bytes: b}}, answer: env.NewFuture[[]ingest.Result](v.p)}
	l.send(q)
	results, err := q.answer.Wait(v.p.Now().Add(requestTimeout))
	if err != nil {
		v.stale = true
		return
	}
	switch kind := results[0].Kind; kind {
	case base.CorruptMessage:
		v.c.marks.Hit(DamageRefused)
	case base.OK:
		v.c.audit.violated(CheckBadInput, "%v: a damaged batch was appended at %d/%d", l, partition, results[0].Base)
	default:
		v.stale = true
		v.c.retriable(v.p, "Produce of damage", int16(kind))
	}
}
