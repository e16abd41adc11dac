package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/load/report"
)

const (
	// membersPerGroup of a topic with as many partitions.
	membersPerGroup = 2
	// memberPace is how often a member sends a heartbeat, and commits: Java consumers do the one every 3 s, the other every 5.
	memberPace = time.Second
)

var groupsCurve = report.Curve{Name: "groups", X: "groups",
	Title: fmt.Sprintf("Groups of %d members; each sends a heartbeat and commits every second (group.initial.rebalance.delay.ms=0)", membersPerGroup),
	Columns: []report.Column{
		{Name: "all stable after", Unit: "ms"},
		{Name: "stable, a group", Unit: "ms", Flat: 1},
		{Name: "heartbeat p50", Unit: "ms"},
		{Name: "heartbeat p99", Unit: "ms"},
		{Name: "commit p50", Unit: "ms"},
		{Name: "commit p99", Unit: "ms"},
		{Name: "commits", Unit: "1/s"},
		{Name: "agent's CPU", Unit: "% of a core"},
		{Name: "CPU, a heartbeat and a commit", Unit: "µs", Flat: 1},
		{Name: "requests to the bucket", Unit: "1/s"},
		{Name: "RSS", Unit: "MiB"},
	}}

func (b *bench) groups() error {
	return b.along(groupsCurve, b.points(1, 10, 50, 200), func(n int) ([]report.Figure, error) {
		url, dir, err := b.rig.FileBucket()
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		a, _, err := b.rig.Start(url, "--kafka", "group.initial.rebalance.delay.ms=0")
		if err != nil {
			return nil, err
		}
		members, stable, err := joinAll(a.Kafka, n)
		for _, m := range members {
			defer m.c.close()
		}
		if err != nil {
			return nil, err
		}
		before, err := a.Requests()
		if err != nil {
			return nil, err
		}
		span, err := b.during(a, fmt.Sprintf("groups-%d", n), func() error { return live(members, b.each) })
		if err != nil {
			return nil, err
		}
		after, err := a.Requests()
		var beats, commits latencies
		for _, m := range members {
			beats, commits = append(beats, m.beats...), append(commits, m.commits...)
		}
		seconds := span.took.Seconds()
		return figures(ms(stable), ms(stable)/float64(n), beats.at(.5), beats.at(.99), commits.at(.5), commits.at(.99), float64(len(commits))/seconds,
			100*span.cpu.Seconds()/seconds, 1e6*span.cpu.Seconds()/float64(len(commits)), (sum(after)-sum(before))/seconds,
			float64(span.after.Bytes)/(1<<20)), err
	})
}

func sum(counts map[string]float64) (n float64) {
	for _, v := range counts {
		n += v
	}
	return n
}

// joinAll makes n groups of members and says how long it took until all were stable.
func joinAll(addr string, n int) ([]*member, time.Duration, error) {
	members := make([]*member, n*membersPerGroup)
	for i := range members {
		c, err := dial(addr)
		if err != nil {
			return members[:i], 0, err
		}
		members[i] = &member{c: c, group: fmt.Sprintf("group-%03d", i/membersPerGroup), partition: int32(i % membersPerGroup)}
	}
	if _, err := members[0].c.createTopic("groups", membersPerGroup); err != nil {
		return members, 0, err
	}
	began := time.Now()
	_, err := together(len(members), func(i int, _ *atomic.Bool) (struct{}, error) { return struct{}{}, members[i].join() })
	return members, time.Since(began), err
}

// live has all members send heartbeats and commits for a while, evenly spread.
func live(members []*member, d time.Duration) error {
	until := time.Now().Add(d)
	_, err := together(len(members), func(i int, over *atomic.Bool) (struct{}, error) {
		time.Sleep(memberPace * time.Duration(i) / time.Duration(len(members)))
		for due := time.Now(); due.Before(until) && !over.Load(); due = due.Add(memberPace) {
			time.Sleep(time.Until(due))
			if err := errors.Join(members[i].heartbeat(), members[i].commit()); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	return err
}

// member is one of a classic group.
type member struct {
	c          *client
	group, id  string
	generation int32
	partition  int32
	committed  int64

	beats, commits latencies
}

// join joins and syncs until the group is stable with all its members.
func (m *member) join() error {
	for {
		r := kmsg.NewPtrJoinGroupRequest()
		r.Group, r.MemberID, r.ProtocolType, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = m.group, m.id, "consumer", 45_000, 60_000
		r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		joined, err := ask[*kmsg.JoinGroupResponse](m.c, r, 9)
		if err != nil {
			return err
		}
		m.id = joined.MemberID
		switch k := base.Kind(joined.ErrorCode); {
		case k == base.MemberIDRequired:
			continue
		case k != base.OK:
			return fmt.Errorf("joining %s: %v", m.group, k)
		}
		m.generation = joined.Generation
		full := joined.LeaderID != m.id || len(joined.Members) == membersPerGroup
		again, err := m.sync(joined)
		if err != nil {
			return err
		}
		if !again && full {
			return nil
		}
	}
}

// sync takes the assignment, which says nothing here: a member's partition is its own.
func (m *member) sync(joined *kmsg.JoinGroupResponse) (again bool, err error) {
	r := kmsg.NewPtrSyncGroupRequest()
	protocol, kind := "range", "consumer"
	r.Group, r.MemberID, r.Generation, r.Protocol, r.ProtocolType = m.group, m.id, m.generation, &protocol, &kind
	if joined.LeaderID == m.id {
		for _, other := range joined.Members {
			r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: other.MemberID, MemberAssignment: []byte{0}})
		}
	}
	synced, err := ask[*kmsg.SyncGroupResponse](m.c, r, 5)
	if err != nil {
		return false, err
	}
	k := base.Kind(synced.ErrorCode)
	if k == base.RebalanceInProgress || k == base.IllegalGeneration {
		return true, nil
	}
	return false, codeError(synced.ErrorCode)
}

func (m *member) heartbeat() error {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.MemberID, r.Generation = m.group, m.id, m.generation
	response, took, _, err := m.c.exchange(r, 4)
	if err == nil {
		err = codeError(response.(*kmsg.HeartbeatResponse).ErrorCode)
	}
	m.beats = append(m.beats, took)
	return err
}

func (m *member) commit() error {
	m.committed++
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.MemberID, r.Generation = m.group, m.id, m.generation
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = m.partition, m.committed
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "groups", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	response, took, _, err := m.c.exchange(r, 8)
	if err == nil {
		err = codeError(response.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode)
	}
	m.commits = append(m.commits, took)
	return err
}
