package group

import (
	"fmt"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/crc32c"
	"github.com/millrace-io/millrace/internal/base/plant"
)

const (
	// snapshotBuckets is the number of parts the groups are spread over: a part that has not changed is not stored again.
	snapshotBuckets = 64
	snapshotVersion = 1
	metaPart        = "group/meta"
	bucketPart      = "group/%02x"
)

func bucketOf(name string) int {
	return int(crc32c.Of([]byte(name)) % snapshotBuckets)
}

// Snapshot gives the state as parts in a fixed order: equal states give equal parts. body is the receiver's to keep.
func (s *State) Snapshot(emit func(key string, body []byte)) {
	var meta codec.Writer
	meta.Uint8(snapshotVersion)
	meta.Uint64(s.digest)
	emit(metaPart, meta.B)

	var buckets [snapshotBuckets][]*Group
	for g := range s.Groups() {
		b := bucketOf(g.Name)
		buckets[b] = append(buckets[b], g)
	}
	for b, groups := range buckets {
		if len(groups) == 0 {
			continue
		}
		var w codec.Writer
		w.Uint8(snapshotVersion)
		w.Uvarint(uint64(len(groups)))
		for _, g := range groups {
			putGroup(&w, g)
		}
		emit(fmt.Sprintf(bucketPart, b), w.B)
	}
}

// IsPart reports whether a snapshot part with this key is this room's.
func IsPart(key string) bool { return strings.HasPrefix(key, "group/") }

// Restore takes one part of a snapshot into a State made by New; parts come in any order, each once. When all have been
// taken, call Check. An error, of kind CorruptMessage or UnsupportedVersion, leaves the state unusable.
func (s *State) Restore(key string, body []byte) error {
	r := codec.Reader{B: body}
	if v := r.Uint8(); r.Err == nil && v != snapshotVersion {
		return base.Errorf(base.UnsupportedVersion, "group: snapshot part %s has version %d, this build reads %d", key, v, snapshotVersion)
	}
	if key == metaPart {
		s.digest = r.Uint64()
	} else {
		for range r.Count(groupBytesMin) {
			g := getGroup(&r, s.edit)
			if r.Err != nil {
				break
			}
			if s.Get(g.Name) != nil || key != fmt.Sprintf(bucketPart, bucketOf(g.Name)) {
				return base.Errorf(base.CorruptMessage, "group: snapshot part %s holds group %q, which is another's or twice there", key, g.Name)
			}
			s.groups.Set(g.Name, g)
			s.reindex(g.Name, &Group{Deadline: noDeadline}, g)
		}
	}
	if err := r.Done(); err != nil {
		return base.Errorf(base.CorruptMessage, "group: snapshot part %s: %w", key, err)
	}
	return nil
}

// The least that a group, a member and an offset take in a part.
const (
	groupBytesMin  = 13
	memberBytesMin = 10
	offsetBytesMin = 22
)

const (
	groupInitial = 1 << iota
	groupJoinedSince
	groupFlagsEnd
)

const (
	memberNew = 1 << iota
	memberJoined
	memberSynced
	memberFlagsEnd
)

func bit(on bool, f uint8) uint8 {
	if on {
		return f
	}
	return 0
}

func putGroup(w *codec.Writer, g *Group) {
	w.String(g.Name)
	w.Uint8(uint8(g.Phase))
	w.Uint8(bit(g.initial, groupInitial) | bit(g.joinedSince, groupJoinedSince))
	putMillis(w, g.Since)
	putMillis(w, g.Deadline)
	w.Varint(int64(g.Generation))
	putMillis(w, g.delay)
	putMillis(w, g.remaining)
	putOpt(w, g.ProtocolType)
	putOpt(w, g.Protocol)
	w.String(g.Leader)
	w.Uvarint(uint64(len(g.members)))
	for _, m := range g.members {
		putMember(w, m)
	}
	w.Uvarint(uint64(g.OffsetCount()))
	for o := range g.Offsets() {
		w.Raw(o.Topic[:])
		w.Uvarint(uint64(uint32(o.Partition)))
		w.Varint(o.Offset.Offset)
		w.Varint(int64(o.LeaderEpoch))
		putMillis(w, o.Committed)
		putMillis(w, o.Expires)
		w.String(o.Metadata)
	}
}

func getGroup(r *codec.Reader, tok *token) *Group {
	g := newGroup(r.String(), tok)
	g.Phase = Phase(r.Uint8())
	flags := r.Uint8()
	g.initial, g.joinedSince = flags&groupInitial != 0, flags&groupJoinedSince != 0
	g.Since = getMillis(r)
	g.Deadline = getMillis(r)
	g.Generation = getInt32(r)
	g.delay = getMillis(r)
	g.remaining = getMillis(r)
	g.ProtocolType = getOpt(r)
	g.Protocol = getOpt(r)
	g.Leader = r.String()
	g.members = getList(r, memberBytesMin, func() *Member { return getMember(r, tok) })
	getOffsets(r, g, tok)
	if plant.LeftOut(plant.OffsetsInParts) {
		g.offsets = nil
	}
	if flags >= groupFlagsEnd {
		malformed(r)
	}
	if r.Err == nil {
		g.countTenders()
	}
	return g
}

func putMember(w *codec.Writer, m *Member) {
	w.String(m.ID)
	putOpt(w, m.InstanceID)
	w.String(m.ClientID)
	w.String(m.ClientHost)
	w.Varint(int64(m.SessionTimeoutMs))
	w.Varint(int64(m.RebalanceTimeoutMs))
	w.Uvarint(uint64(m.Tender))
	w.Uint8(bit(m.New, memberNew) | bit(m.Joined, memberJoined) | bit(m.Synced, memberSynced))
	putProtocols(w, m.Protocols)
	w.Bytes(m.Assignment)
}

func getMember(r *codec.Reader, tok *token) *Member {
	m := &Member{ID: r.String(), InstanceID: getOpt(r), ClientID: r.String(), ClientHost: r.String(), edit: tok}
	m.SessionTimeoutMs = getInt32(r)
	m.RebalanceTimeoutMs = getInt32(r)
	tender, flags := r.Uvarint(), r.Uint8()
	m.Tender = base.Incarnation(tender)
	m.New, m.Joined, m.Synced = flags&memberNew != 0, flags&memberJoined != 0, flags&memberSynced != 0
	m.Protocols = cloneProtocols(getProtocols(r))
	m.Assignment = keep(r.Bytes())
	if flags >= memberFlagsEnd || tender>>32 != 0 {
		malformed(r)
	}
	return m
}

func getOffsets(r *codec.Reader, g *Group, tok *token) {
	n := r.Count(offsetBytesMin)
	for range n {
		var topic base.TopicID
		r.Fixed(topic[:])
		partition := r.Uvarint()
		o := Offset{Offset: r.Varint(), LeaderEpoch: getInt32(r), Committed: getMillis(r), Expires: getMillis(r), Metadata: r.String()}
		if partition>>31 != 0 {
			malformed(r)
		}
		if r.Err != nil {
			return
		}
		g.editableOffsets(tok).Set(offsetKey(topic, int32(partition)), o)
	}
	if g.OffsetCount() != n {
		malformed(r)
	}
}
