package retain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/jobs/jobtest"
	"github.com/millrace-io/millrace/internal/jobs/retain"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// bed is one agent with the job, in virtual time.
type bed struct {
	*control.Control
	proc     *sim.Proc
	proposed int
	segments byte
}

// counted is the journal, with a count of what the job proposes.
type counted struct{ *bed }

func (c counted) Propose(op meta.Op) *env.Future[*meta.Verdict] {
	c.bed.proposed++
	return c.bed.Control.Propose(op)
}

// simulate tells a story, which fails by panicking, of an agent with these roles.
func simulate(t *testing.T, roles admin.Roles, story func(b *bed)) {
	t.Helper()
	jobtest.Tell(t, 100*24*time.Hour, func(p *sim.Proc, store *memstore.Store) {
		b := &bed{proc: p}
		b.proc = p
		config := jobtest.Config(roles)
		config.Static = map[string]string{"producer.id.expiration.ms": "7200000"}
		b.Control = jobtest.Join(p, store, config)
		job := retain.Start(p, counted{b}, jobtest.Quiet)
		story(b)
		job.Stop(p.Now().Add(time.Second))
	})
}

func (b *bed) propose(op meta.Op) { jobtest.Propose(b.proc, b.Control, op) }

func (b *bed) topic(name string, configs ...config.KV) base.TopicID {
	id := base.TopicID{1, name[0]}
	b.propose(&log.CreateTopic{Name: name, ID: id, Partitions: 1, Configs: configs})
	return id
}

// append appends a batch of 10 records and 1000 bytes of producer 7, stamped now.
func (b *bed) append(id base.TopicID) {
	b.segments++
	b.propose(&log.CommitSegment{
		File: base.FileRef{ID: base.ULID{15: b.segments}}, SizeBytes: 1000, LastModified: b.Now(),
		Batches: []log.Batch{{Topic: id, Len: 1000, Count: 10, MaxTimestamp: int64(b.Now()), ProducerID: 7, BaseSequence: 10 * int32(b.segments-1)}},
	})
}

func (b *bed) partition(id base.TopicID) *log.Partition {
	_, p, _ := b.View().Log.PartitionOf(id, 0)
	return p
}

func (b *bed) expect(what string, got, want int64) {
	if got != want {
		panic(fmt.Sprintf("%s is %d, want %d", what, got, want))
	}
}

func TestRecordsAndProducersGo(t *testing.T) {
	simulate(t, admin.AllRoles, func(b *bed) {
		id := b.topic("hourly", config.KV{Name: "retention.ms", Value: "3600000"})
		b.append(id)
		b.proc.Sleep(30 * time.Minute)
		b.append(id)
		b.proc.Sleep(28 * time.Minute)
		b.expect("the start after 58 minutes", b.partition(id).Start, 0)
		b.proc.Sleep(4 * time.Minute)
		b.expect("the start after 62 minutes", b.partition(id).Start, 10)
		b.proc.Sleep(time.Hour)
		b.expect("the start after two hours", b.partition(id).Start, 20)
		if b.partition(id).Producer(7) == nil {
			panic("the producer is forgotten before its time")
		}
		b.proc.Sleep(time.Hour)
		if b.partition(id).Producer(7) != nil {
			panic("the producer is not forgotten")
		}
	})
}

func TestBytesGo(t *testing.T) {
	simulate(t, admin.AllRoles, func(b *bed) {
		id := b.topic("small", config.KV{Name: "retention.bytes", Value: "2500"})
		for range 5 {
			b.append(id)
		}
		b.proc.Sleep(2 * time.Minute)
		b.expect("the start of 5000 bytes of which 2500 stay", b.partition(id).Start, 20)
	})
}

// An agent without the role leaves it to others.
func TestOnlyWithTheRole(t *testing.T) {
	simulate(t, admin.AllRoles&^admin.RoleJobs, func(b *bed) {
		id := b.topic("hourly", config.KV{Name: "retention.ms", Value: "60000"})
		b.append(id)
		b.proc.Sleep(time.Hour)
		b.expect("the start", b.partition(id).Start, 0)
	})
}

// What retention keeps costs no entry, however often it is looked at, and what it lets go costs one.
func TestNothingToDoCostsNothing(t *testing.T) {
	simulate(t, admin.AllRoles, func(b *bed) {
		b.append(b.topic("kept", config.KV{Name: "retention.ms", Value: "5400000"}))
		b.proc.Sleep(85 * time.Minute)
		b.expect("the number of proposals before", int64(b.proposed), 0)
		b.proc.Sleep(25 * time.Minute)
		b.expect("the number of proposals after", int64(b.proposed), 1)
	})
}

// The plan is bounded, and goes on where the last one ended once that is applied.
func TestPlanIsBounded(t *testing.T) {
	simulate(t, 0, func(b *bed) {
		for _, name := range []string{"a", "b", "c"} {
			b.append(b.topic(name, config.KV{Name: "retention.ms", Value: "1000"}))
			b.segments = b.segments*16 + 1 // another file
		}
		b.proc.Sleep(time.Minute)
		rules := b.Rules().Broker
		for n := 3; n > 0; n-- {
			all, first := retain.Records(b.View(), b.Now(), rules, 10), retain.Records(b.View(), b.Now(), rules, 1)
			b.expect("the plan's length", int64(len(all)), int64(n))
			b.expect("the bounded plan's length", int64(len(first)), 1)
			b.propose(first[0])
		}
	})
}
