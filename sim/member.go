package sim

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

// groupOfMembers is the group that members are of. Their times are Kafka's lowest, so that much happens.
const (
	groupOfMembers   = "readers"
	sessionTimeout   = 10 * time.Second
	rebalanceTimeout = 15 * time.Second
	heartbeatEvery   = 2 * time.Second
)

// member is a consumer in a classic group: it joins, assigns if it leads, reads what it was assigned from where the group
// has committed, and commits. Now and then it leaves, dies without a word, or stalls.
type member struct {
	*consumer
	coordinator string // address; empty: unknown
	id          string
	generation  int32 // 0: not joined
	owned       []int32
	committed   []int64 // by partition: as this member knows
	beat        time.Time
	heard       time.Time // when the last request was sent that showed the coordinator that this member lives
	back        time.Time // when that ended a silence longer than a session: the coordinator may have stood still just as long, and not know yet that the member is out
}

func (c *Cluster) newMember(name string) *member {
	m := &member{consumer: &consumer{kafka: c.newKafka(c.w.Proc(name)), next: make([]int64, c.options.Partitions)}, committed: make([]int64, c.options.Partitions)}
	m.p.Go("member", m.run)
	return m
}

func (m *member) run() {
	for {
		m.p.Sleep(m.c.w.Between(0, 600*time.Millisecond))
		if !m.ready() {
			continue
		}
		l := m.coordinatorLine()
		switch draw := m.c.w.Uint64() % 200; {
		case l == nil:
		case m.generation == 0:
			m.join(l)
		case draw == 0 && !m.c.quiet:
			m.leave(l)
		case draw == 1 && !m.c.quiet:
			m.c.marks.Hit(MemberDied)
			m.id, m.generation = "", 0
			m.p.Sleep(m.c.w.Between(0, 2*sessionTimeout))
		case draw < 4 && !m.c.quiet:
			m.stall()
		case m.p.Now().Sub(m.beat) > heartbeatEvery:
			m.heartbeat(l)
		default:
			m.work(l)
		}
	}
}

// stall does nothing for a while, in which the group may go on without this member, and commits all the same.
func (m *member) stall() {
	m.c.marks.Hit(MemberStalled)
	m.p.Sleep(m.c.w.Between(0, 3*sessionTimeout))
	if l := m.coordinatorLine(); l != nil && len(m.owned) > 0 {
		m.commit(l, m.owned[0])
	}
}

// coordinatorLine gives a connection to the group's coordinator; nil if there is none to be had.
func (m *member) coordinatorLine() *line {
	if m.coordinator == "" {
		m.find()
	}
	if m.coordinator == "" {
		return nil
	}
	l := m.line(m.coordinator)
	if l == nil {
		m.coordinator = ""
	}
	return l
}

func (m *member) find() {
	l := m.anyLine()
	if l == nil {
		return
	}
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.CoordinatorKey, r.CoordinatorKeys = groupOfMembers, []string{groupOfMembers}
	got, err := exchangeOn[*kmsg.FindCoordinatorResponse](l, r)
	if err != nil {
		return
	}
	host, port, code := got.Host, got.Port, got.ErrorCode
	if got.Version >= 4 {
		if len(got.Coordinators) != 1 {
			m.c.audit.violated(CheckProtocol, "%v: FindCoordinator of one group names %d", l, len(got.Coordinators))
			return
		}
		host, port, code = got.Coordinators[0].Host, got.Coordinators[0].Port, got.Coordinators[0].ErrorCode
	}
	if code != 0 {
		m.c.retriable(m.p, "FindCoordinator", code)
		return
	}
	m.coordinator = hostPort(host, port)
}

// failed takes in an error of the group's requests, and reports whether there was one.
func (m *member) failed(what string, code int16, err error) bool {
	switch {
	case err != nil:
		m.coordinator = ""
		return true
	case code == 0:
		return false
	}
	switch base.Kind(code) {
	case base.UnknownMemberID:
		m.expelled(what)
		m.id, m.generation = "", 0
	case base.IllegalGeneration, base.RebalanceInProgress:
		m.generation = 0
	default:
		m.coordinator = ""
		m.c.retriable(m.p, what, code)
	}
	return true
}

// join joins, and syncs.
func (m *member) join(l *line) {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Group, r.MemberID, r.ProtocolType = groupOfMembers, m.id, "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = int32(sessionTimeout/time.Millisecond), int32(rebalanceTimeout/time.Millisecond)
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics = []string{topicName}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", subscription.AppendTo(nil)
	r.Protocols = append(r.Protocols, p)
	got, err := exchangeFor[*kmsg.JoinGroupResponse](l, r, 2*rebalanceTimeout)
	if err == nil && base.Kind(got.ErrorCode) == base.MemberIDRequired {
		m.id = got.MemberID
		return
	}
	if m.failed("JoinGroup", codeOf(got, err), err) {
		return
	}
	m.id = got.MemberID
	m.c.audit.joined(m.p.Name(), got)
	m.c.marks.Hit(GroupJoined)
	m.sync(l, got)
}

func codeOf(got *kmsg.JoinGroupResponse, err error) int16 {
	if err != nil {
		return 0
	}
	return got.ErrorCode
}

// sync gives every member its partitions, if this one leads, and takes this one's.
func (m *member) sync(l *line, j *kmsg.JoinGroupResponse) {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Group, r.MemberID, r.Generation = groupOfMembers, m.id, j.Generation
	r.ProtocolType, r.Protocol = j.ProtocolType, j.Protocol
	if r.ProtocolType == nil {
		r.ProtocolType = kmsg.StringPtr("consumer")
	}
	if j.LeaderID == m.id {
		for i, other := range j.Members {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID, a.MemberAssignment = other.MemberID, []byte{'x'}
			for k := i; k < m.c.options.Partitions; k += len(j.Members) {
				a.MemberAssignment = append(a.MemberAssignment, byte(k))
			}
			r.GroupAssignment = append(r.GroupAssignment, a)
		}
	}
	got, err := exchangeFor[*kmsg.SyncGroupResponse](l, r, 2*rebalanceTimeout)
	var code int16
	if err == nil {
		code = got.ErrorCode
	}
	if m.failed("SyncGroup", code, err) {
		return
	}
	m.owned = m.owned[:0]
	for _, k := range got.MemberAssignment[min(1, len(got.MemberAssignment)):] {
		m.owned = append(m.owned, int32(k))
	}
	m.c.audit.assigned(m.id, j.Generation, m.owned)
	if m.begin(l) {
		m.generation, m.beat = j.Generation, m.p.Now()
		m.heard = m.beat
	}
}

// begin looks where the group has got to in the partitions assigned.
func (m *member) begin(l *line) bool {
	if len(m.owned) == 0 {
		return true
	}
	r := m.askOffsets(m.owned)
	before := slices.Clone(m.c.audit.commits)
	got, err := exchangeOn[*kmsg.OffsetFetchResponse](l, r)
	if err != nil {
		m.coordinator = ""
		return false
	}
	return m.offsets(got, before)
}

func (m *member) offsets(got *kmsg.OffsetFetchResponse, before []commit) bool {
	found, code := 0, got.ErrorCode
	for _, g := range got.Groups {
		code = max(code, g.ErrorCode)
	}
	eachOffset(got, func(partition int32, offset int64, c int16) {
		found++
		if code = max(code, c); code == 0 {
			m.c.audit.fetched(m.p.Name(), partition, offset, before[partition])
			m.next[partition], m.committed[partition] = max(0, offset), max(0, offset)
		}
	})
	if code == 0 && found != len(m.owned) {
		m.c.audit.violated(CheckProtocol, "%s asked for the offsets of %d partitions and was told %d", m.p.Name(), len(m.owned), found)
	}
	return !m.failed("OffsetFetch", code, nil)
}

func (m *member) heartbeat(l *line) {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.MemberID, r.Generation = groupOfMembers, m.id, m.generation
	m.beat = m.p.Now()
	got, err := exchangeOn[*kmsg.HeartbeatResponse](l, r)
	var code int16
	if err == nil {
		code = got.ErrorCode
	}
	if !m.failed("Heartbeat", code, err) {
		if m.beat.Sub(m.heard) > sessionTimeout {
			m.back = m.beat
		}
		m.heard = m.beat
	}
}

func (m *member) leave(l *line) {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Group, r.MemberID = groupOfMembers, m.id
	one := kmsg.NewLeaveGroupRequestMember()
	one.MemberID = m.id
	r.Members = append(r.Members, one)
	m.c.marks.Hit(MemberLeft)
	if _, err := exchangeOn[*kmsg.LeaveGroupResponse](l, r); err != nil {
		m.coordinator = ""
	}
	m.id, m.generation = "", 0
}

// work reads on in one partition, and commits.
func (m *member) work(l *line) {
	if len(m.owned) == 0 {
		return
	}
	i := m.owned[m.c.w.Uint64()%uint64(len(m.owned))]
	if by := m.leader(i); by != nil {
		m.fetch(by, map[int32]int64{i: m.next[i]})
	}
	if m.next[i] > m.committed[i] {
		m.commit(l, i)
	}
}

func (m *member) commit(l *line, partition int32) {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.MemberID, r.Generation = groupOfMembers, m.id, m.generation
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = topicName, m.c.topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = partition, m.next[partition]
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	newest := m.c.audit.generation
	m.c.audit.committing(partition, p.Offset)
	answered := false
	defer func() { // also when the client is killed here
		if !answered {
			m.c.audit.commitUnknown(partition, r.Generation)
		}
	}()
	got, err := exchangeOn[*kmsg.OffsetCommitResponse](l, r)
	if answered = err == nil; !answered {
		m.coordinator = ""
		return
	}
	if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		m.c.audit.violated(CheckProtocol, "%v: OffsetCommit of one partition is answered about %d topics", l, len(got.Topics))
		return
	}
	code := got.Topics[0].Partitions[0].ErrorCode
	if base.Kind(code) == base.IllegalGeneration || base.Kind(code) == base.UnknownMemberID {
		m.c.marks.Hit(CommitFenced)
	} else if code != 0 && base.Kind(code) != base.RebalanceInProgress {
		m.c.audit.commitUnknown(partition, r.Generation)
	}
	if !m.failed("OffsetCommit", code, nil) {
		m.committed[partition] = p.Offset
		m.c.audit.committed(m.p.Name(), partition, r.Generation, newest, p.Offset)
		m.c.marks.Hit(GroupCommitted)
	}
}
