package coord_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/coord"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func soon() time.Time { return time.Now().Add(10 * time.Second) }

// realBed is an agent with a topic of 100 partitions, on a bucket in memory, whose one member leads the group.
func realBed(b *testing.B) (*coord.Coord, coord.Beat) {
	e, quiet := env.Real(), slog.New(slog.NewTextHandler(io.Discard, nil))
	store := memstore.New(time.Now)
	cluster, err := journal.OpenCluster(b.Context(), e, store)
	check(err)
	journaled := control.New(e, store, cluster, control.Config{
		Profile: admin.Profile{Kafka: "a:9092", Roles: admin.AllRoles}, Static: map[string]string{"group.initial.rebalance.delay.ms": "0"}, W: journal.W, Log: quiet}, nil)
	c := coord.New(e, journaled, "", quiet)
	check(journaled.Start())
	b.Cleanup(func() { c.Stop(soon()); journaled.Kill(soon()) })
	_, err = journaled.Propose(&log.CreateTopic{Name: "t", ID: base.TopicID{1}, Partitions: 100}).Wait(soon())
	check(err)
	joined, err := c.Join(group.Join{Group: groupName, ClientID: "c", ProtocolType: "consumer", Protocols: []group.Protocol{{Name: "range"}},
		SessionTimeoutMs: 45_000, RebalanceTimeoutMs: 60_000}, 3).Wait(soon())
	check(err)
	synced, err := c.Sync(group.Sync{Group: groupName, MemberID: joined.MemberID, Generation: joined.Generation,
		Assignments: []group.Assignment{{MemberID: joined.MemberID}}}).Wait(soon())
	check(err)
	if joined.Kind != base.OK || synced.Kind != base.OK {
		b.Fatal(joined.Kind, synced.Kind)
	}
	return c, coord.Beat{Group: groupName, MemberID: joined.MemberID, Generation: joined.Generation}
}

// BenchmarkHeartbeat: a heartbeat of a member that this agent tends. The journal is not asked.
func BenchmarkHeartbeat(b *testing.B) {
	c, beat := realBed(b)
	b.ReportAllocs()
	for b.Loop() {
		if k, err := c.Heartbeat(beat).Wait(soon()); err != nil || k != base.OK {
			b.Fatal(k, err)
		}
	}
}

// BenchmarkCommit: a commit of 10 partitions of a member, from Ask to its answer: decided, written into a bucket in memory,
// published.
func BenchmarkCommit(b *testing.B) {
	c, beat := realBed(b)
	q := &group.OffsetCommit{Group: groupName, MemberID: beat.MemberID, Generation: beat.Generation, RetentionMs: -1}
	for p := range int32(10) {
		q.Partitions = append(q.Partitions, group.CommitPartition{Topic: base.TopicID{1}, Partition: p, LeaderEpoch: -1})
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range q.Partitions {
			q.Partitions[i].Offset++
		}
		r, err := c.Ask(q).Wait(soon())
		if err != nil || r.Kind != base.OK || r.Part(9) != base.OK {
			b.Fatal(r, err)
		}
	}
}
