package group

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
)

// Reply is the verdict on a command. It is small: long answers are read from the State that has the command's events.
type Reply struct {
	// Kind is OK or why the whole command was refused.
	Kind base.Kind
	// Wait: accepted, and the answer will stand in a later State (Join, Sync).
	Wait bool
	// MemberID is the id the member has, or is told to come back with (Join).
	MemberID string
	// Unchanged: a static member took its place again without a rebalance (Join, KIP-345). From version 9 of JoinGroup on
	// the leader is told to skip the assignment (KIP-814); below, every such member is answered with LeaderBefore as the
	// leader and with no members, so that it does not take itself for the leader.
	Unchanged    bool
	LeaderBefore string
	// Parts are the kinds of the command's parts, in its order: members that leave, partitions. Nil: each is Kind.
	Parts []base.Kind
}

// Part gives the kind of part i.
func (r *Reply) Part(i int) base.Kind {
	if i < len(r.Parts) {
		return r.Parts[i]
	}
	return r.Kind
}

const (
	replyWait = 1 << iota
	replyUnchanged
	replyFlagsEnd
)

// Encode appends the reply.
func (r *Reply) Encode(w *codec.Writer) {
	var flags uint8
	if r.Wait {
		flags |= replyWait
	}
	if r.Unchanged {
		flags |= replyUnchanged
	}
	w.Varint(int64(r.Kind))
	w.Uint8(flags)
	w.String(r.MemberID)
	w.String(r.LeaderBefore)
	w.Uvarint(uint64(len(r.Parts)))
	for _, k := range r.Parts {
		w.Uint16(uint16(k))
	}
}

// DecodeReply reads the reply that Encode wrote, and all of r. The error is of kind CorruptMessage.
func DecodeReply(r *codec.Reader) (Reply, error) {
	kind := getInt32(r)
	flags := r.Uint8()
	if kind != int32(int16(kind)) || flags >= replyFlagsEnd {
		malformed(r)
	}
	rep := Reply{
		Kind:         base.Kind(kind),
		Wait:         flags&replyWait != 0,
		Unchanged:    flags&replyUnchanged != 0,
		MemberID:     r.String(),
		LeaderBefore: r.String(),
		Parts:        getList(r, 2, func() base.Kind { return base.Kind(r.Uint16()) }),
	}
	if err := r.Done(); err != nil {
		return Reply{}, base.Errorf(base.CorruptMessage, "group: reply: %w", err)
	}
	return rep, nil
}
