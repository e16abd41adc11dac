package group

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

func putMillis(w *codec.Writer, m base.Millis) { w.Varint(int64(m)) }
func getMillis(r *codec.Reader) base.Millis    { return base.Millis(r.Varint()) }
func putStrings(w *codec.Writer, list []string) {
	w.Uvarint(uint64(len(list)))
	for _, s := range list {
		w.String(s)
	}
}

func getStrings(r *codec.Reader) []string {
	return getList(r, 1, r.String)
}

func (e *MemberPut) Encode(w *codec.Writer) {
	w.String(e.Group)
	putMillis(w, e.At)
	w.String(e.ProtocolType)
	w.String(e.ID)
	putOpt(w, e.InstanceID)
	w.String(e.ClientID)
	w.String(e.ClientHost)
	w.Varint(int64(e.SessionTimeoutMs))
	w.Varint(int64(e.RebalanceTimeoutMs))
	putProtocols(w, e.Protocols)
	w.Uint32(uint32(e.Tender))
	w.Bool(e.Joined)
}

func (e *MemberPut) decode(r *codec.Reader) {
	e.Group = r.String()
	e.At = getMillis(r)
	e.ProtocolType = r.String()
	e.ID = r.String()
	e.InstanceID = getOpt(r)
	e.ClientID = r.String()
	e.ClientHost = r.String()
	e.SessionTimeoutMs = getInt32(r)
	e.RebalanceTimeoutMs = getInt32(r)
	e.Protocols = getProtocols(r)
	e.Tender = base.Incarnation(r.Uint32())
	e.Joined = r.Bool()
}

func (e *MemberReplaced) Encode(w *codec.Writer) {
	w.String(e.Group)
	w.String(e.OldID)
	w.String(e.NewID)
}

func (e *MemberReplaced) decode(r *codec.Reader) {
	e.Group = r.String()
	e.OldID = r.String()
	e.NewID = r.String()
}

func (e *MembersRemoved) Encode(w *codec.Writer) {
	w.String(e.Group)
	putStrings(w, e.IDs)
}

func (e *MembersRemoved) decode(r *codec.Reader) {
	e.Group = r.String()
	e.IDs = getStrings(r)
}

func (e *RoundBegun) Encode(w *codec.Writer) {
	w.String(e.Group)
	putMillis(w, e.At)
	putMillis(w, e.Deadline)
	putMillis(w, e.Delay)
	putMillis(w, e.Remaining)
}

func (e *RoundBegun) decode(r *codec.Reader) {
	e.Group = r.String()
	e.At = getMillis(r)
	e.Deadline = getMillis(r)
	e.Delay = getMillis(r)
	e.Remaining = getMillis(r)
}

func (e *RoundExtended) Encode(w *codec.Writer) {
	w.String(e.Group)
	putMillis(w, e.Deadline)
	putMillis(w, e.Delay)
	putMillis(w, e.Remaining)
}

func (e *RoundExtended) decode(r *codec.Reader) {
	e.Group = r.String()
	e.Deadline = getMillis(r)
	e.Delay = getMillis(r)
	e.Remaining = getMillis(r)
}

func (e *RoundCompleted) Encode(w *codec.Writer) {
	w.String(e.Group)
	putMillis(w, e.At)
	w.Varint(int64(e.Generation))
	putOpt(w, e.Protocol)
	w.String(e.Leader)
	putMillis(w, e.Deadline)
}

func (e *RoundCompleted) decode(r *codec.Reader) {
	e.Group = r.String()
	e.At = getMillis(r)
	e.Generation = getInt32(r)
	e.Protocol = getOpt(r)
	e.Leader = r.String()
	e.Deadline = getMillis(r)
}

func (e *MemberSynced) Encode(w *codec.Writer) {
	w.String(e.Group)
	w.String(e.MemberID)
}

func (e *MemberSynced) decode(r *codec.Reader) {
	e.Group = r.String()
	e.MemberID = r.String()
}

func (e *Assigned) Encode(w *codec.Writer) {
	w.String(e.Group)
	putMillis(w, e.At)
	putAssignments(w, e.Assignments)
}

func (e *Assigned) decode(r *codec.Reader) {
	e.Group = r.String()
	e.At = getMillis(r)
	e.Assignments = getAssignments(r)
}

func (e *Adopted) Encode(w *codec.Writer) {
	w.String(e.Group)
	w.Uint32(uint32(e.Tender))
	putStrings(w, e.IDs)
}

func (e *Adopted) decode(r *codec.Reader) {
	e.Group = r.String()
	e.Tender = base.Incarnation(r.Uint32())
	e.IDs = getStrings(r)
}

func (e *OffsetsCommitted) Encode(w *codec.Writer) {
	w.String(e.Group)
	putMillis(w, e.At)
	putMillis(w, e.Expires)
	putCommits(w, e.Offsets)
}

func (e *OffsetsCommitted) decode(r *codec.Reader) {
	e.Group = r.String()
	e.At = getMillis(r)
	e.Expires = getMillis(r)
	e.Offsets = getCommits(r)
}

func (e *OffsetsRemoved) Encode(w *codec.Writer) {
	w.String(e.Group)
	w.Uvarint(uint64(len(e.Places)))
	for _, p := range e.Places {
		w.Raw(p.Topic[:])
		w.Uint32(uint32(p.Partition))
	}
}

func (e *OffsetsRemoved) decode(r *codec.Reader) {
	e.Group = r.String()
	e.Places = getList(r, 20, func() (p OffsetPlace) {
		r.Fixed(p.Topic[:])
		p.Partition = int32(r.Uint32())
		return p
	})
}

func (e *GroupDeleted) Encode(w *codec.Writer) { w.String(e.Group) }
func (e *GroupDeleted) decode(r *codec.Reader) { e.Group = r.String() }

func (e *TopicForgotten) Encode(w *codec.Writer) { w.Raw(e.Topic[:]) }
func (e *TopicForgotten) decode(r *codec.Reader) { r.Fixed(e.Topic[:]) }
