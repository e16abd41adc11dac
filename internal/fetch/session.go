package fetch

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
)

const (
	// sessionsDefault is Kafka's max.incremental.fetch.session.cache.slots.
	sessionsDefault = 1000
	// sessionStale is when a session that is not used may be evicted by any other, and when a session is old enough to
	// be evicted by a larger one: Kafka's min.incremental.fetch.session.eviction.ms.
	sessionStale = 2 * time.Minute
)

// sessions are those of the agent (KIP-227). They live and die with it: a client that moved is told so.
type sessions struct {
	env     env.Env
	max     int
	mu      sync.Mutex
	byID    map[int32]*session
	evicted int64
}

// session is what a client need not repeat. sessions.mu guards it.
type session struct {
	id, epoch     int32 // epoch: of the next request
	byID          bool
	created, used time.Time
	parts         []*remembered // in order of topic and partition
	first         int           // where an answer begins; it goes round from there
	index         map[Place]*remembered
}

// remembered is a partition of a session: what is asked, and what was told last.
type remembered struct {
	want                Want
	highWatermark, from int64 // from: log start
}

// sitting is one Fetch's part in a session.
type sitting struct {
	session *session // nil: none
	wants   []Want
}

func newSessions(e env.Env, most int) *sessions {
	return &sessions{env: e, max: most, byID: map[int32]*session{}}
}

func (s *sessions) count() (n int, evicted int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID), s.evicted
}

// begin says which partitions a request is about.
func (s *sessions) begin(q *Request) (sitting, base.Kind) {
	if q.SessionEpoch != 0 && q.SessionEpoch != -1 {
		return s.resume(q)
	}
	if q.SessionID != 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.byID, q.SessionID)
	}
	return sitting{wants: inPlace(distinct(q.Partitions))}, base.OK
}

// distinct leaves the last of several wants of one partition, in the place of the first.
func distinct(wants []Want) []Want {
	if ascending(wants) {
		return wants
	}
	seen := make(map[Place]int, len(wants))
	for i := range wants {
		seen[wants[i].place()] = i
	}
	if len(seen) == len(wants) {
		return wants
	}
	out := make([]Want, 0, len(seen))
	for i := range wants {
		if last, ok := seen[wants[i].place()]; ok {
			out = append(out, wants[last])
			delete(seen, wants[i].place())
		}
	}
	return out
}

// ascending reports whether wants are distinct because their partitions ascend.
func ascending(wants []Want) bool {
	for i := 1; i < len(wants); i++ {
		if wants[i-1].Topic != wants[i].Topic || wants[i-1].Partition >= wants[i].Partition {
			return false
		}
	}
	return true
}

func (w *Want) place() Place { return Place{w.Topic, w.Partition} }

// resume goes on with a session: Kafka's checks, in Kafka's order.
func (s *sessions) resume(q *Request) (sitting, base.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byID[q.SessionID]
	switch {
	case k == nil:
		return sitting{}, base.FetchSessionIDNotFound
	case k.epoch != q.SessionEpoch:
		return sitting{}, base.InvalidFetchSessionEpoch
	case k.byID != q.ByID:
		return sitting{}, base.FetchSessionTopicIDError
	}
	k.change(q)
	if len(k.parts) == 0 {
		delete(s.byID, k.id)
		return sitting{wants: distinct(q.Partitions)}, base.OK
	}
	k.used, k.epoch = s.env.Now(), nextEpoch(k.epoch)
	out := sitting{session: k, wants: make([]Want, len(k.parts))}
	for i := range k.parts {
		out.wants[i] = k.part(i).want
	}
	return out, base.OK
}

// nextEpoch goes round without the epochs that mean something else.
func nextEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}

// part gives partition i of an answer.
func (k *session) part(i int) *remembered { return k.parts[(k.first+i)%len(k.parts)] }

// change takes in what a request asks for, and leaves out what it asks for no more.
func (k *session) change(q *Request) {
	before := len(k.parts)
	var begin Place
	if before > 0 {
		begin = k.part(0).want.place()
	}
	for i := range q.Partitions {
		k.remember(&q.Partitions[i])
	}
	added := len(k.parts) > before
	k.forget(q.Forgotten)
	if added {
		k.sort()
	}
	k.first, _ = slices.BinarySearchFunc(k.parts, begin, func(p *remembered, at Place) int { return p.want.place().compare(at) })
}

// sort puts each topic's partitions as they lie in data files and in the state: plans and reads of thousands go through both in one
// direction.
func (k *session) sort() {
	slices.SortFunc(k.parts, func(a, b *remembered) int { return a.want.place().compare(b.want.place()) })
}

func (p Place) compare(q Place) int {
	return cmp.Or(bytes.Compare(p.Topic[:], q.Topic[:]), cmp.Compare(p.Partition, q.Partition))
}

func (k *session) remember(w *Want) *remembered {
	p := k.index[w.place()]
	if p == nil {
		p = &remembered{highWatermark: -1, from: -1}
		k.index[w.place()] = p
		k.parts = append(k.parts, p)
	}
	p.want = *w
	return p
}

func (k *session) forget(places []Place) {
	if len(places) == 0 {
		return
	}
	for _, place := range places {
		delete(k.index, place)
	}
	kept := k.parts[:0]
	for _, p := range k.parts {
		if k.index[p.want.place()] == p {
			kept = append(kept, p)
		}
	}
	clear(k.parts[len(kept):])
	k.parts = kept
}

// finish makes the answer: all partitions, or of a session those with something new to tell.
func (s *sessions) finish(q *Request, t sitting, out []Fetched) Response {
	switch {
	case t.session != nil:
		return s.update(q, t.session, out)
	case q.SessionEpoch != 0:
		return Response{Partitions: out}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Response{SessionID: s.create(q, t.wants, out), Partitions: out}
}

// create makes a session of a full request; 0 if there is no room for one.
func (s *sessions) create(q *Request, wants []Want, out []Fetched) int32 {
	now := s.env.Now()
	if len(s.byID) >= s.max && !s.evict(len(wants), now) {
		return 0
	}
	k := &session{id: s.newID(), epoch: 1, byID: q.ByID, created: now, used: now,
		parts: make([]*remembered, 0, len(wants)), index: make(map[Place]*remembered, len(wants))}
	for i := range wants {
		k.remember(&wants[i]).tell(&out[i])
	}
	k.sort()
	s.byID[k.id] = k
	return k.id
}

func (s *sessions) newID() int32 {
	for {
		if id := int32(s.env.Uint64() >> 33); id != 0 && s.byID[id] == nil {
			return id
		}
	}
}

// evict makes room for a session of size partitions: at the cost of the one that was not used for longest, if that is
// long; else of the smallest of those that had their time, if it is smaller than the new one.
func (s *sessions) evict(size int, now time.Time) bool {
	var stale, small *session
	for _, k := range s.byID {
		if stale == nil || k.used.Before(stale.used) || k.used.Equal(stale.used) && k.id < stale.id {
			stale = k
		}
		if now.Sub(k.created) > sessionStale && (small == nil || k.smaller(small)) {
			small = k
		}
	}
	victim := small
	if stale != nil && now.Sub(stale.used) > sessionStale {
		victim = stale
	} else if small == nil || len(small.parts) >= size {
		return false
	}
	delete(s.byID, victim.id)
	s.evicted++
	return true
}

func (k *session) smaller(other *session) bool {
	return len(k.parts) < len(other.parts) || len(k.parts) == len(other.parts) && k.id < other.id
}

// update leaves of an incremental answer what is new to the client.
func (s *sessions) update(q *Request, k *session, out []Fetched) Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.epoch != nextEpoch(q.SessionEpoch) {
		return Response{Kind: base.InvalidFetchSessionEpoch, SessionID: k.id} // a repeated request overtook this one
	}
	// The epoch has not moved on, so nobody has touched the session: its partitions are those of the answer, in order.
	var news []Fetched
	sent, last := 0, 0
	for i := range k.parts {
		p, f := k.part(i), &out[i]
		if f.Kind == base.UnknownTopicOrPartition && !k.byID {
			// The name may stand for another topic by now: a full request says which.
			delete(s.byID, k.id)
			return Response{Kind: base.FetchSessionIDNotFound}
		}
		if p.tell(f) {
			news = append(news, *f)
		}
		if len(f.Records) > 0 {
			sent, last = sent+1, i
		}
	}
	if sent > 0 && sent < len(k.parts) {
		k.first = (k.first + last + 1) % len(k.parts)
	}
	return Response{SessionID: k.id, Partitions: news}
}

// tell notes what the client is told, and reports whether it must be told.
func (p *remembered) tell(f *Fetched) bool {
	news := len(f.Records) > 0 || f.HighWatermark != p.highWatermark || f.LogStart != p.from || f.Kind != base.OK || f.DivergingEpoch >= 0
	p.highWatermark, p.from = f.HighWatermark, f.LogStart
	if f.Kind != base.OK {
		p.highWatermark = -1 // so that the end of the error is told, too
	}
	return news
}
