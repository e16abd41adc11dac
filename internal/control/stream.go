package control

import (
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/journal"
)

// recentEntries and recentBytes bound the entries that a sequencer keeps for followers that connect a little behind.
const (
	recentEntries = 128
	recentBytes   = 16 << 20
)

// subscribe begins to stream entries to a follower that has those up to slot.
func (l *loop) subscribe(w *work, n news, slot base.Slot) {
	m := &l.member
	if m.followers == nil {
		m.followers = map[LinkID]base.Incarnation{}
	}
	m.followers[n.link] = n.from
	at, _ := l.journal.Position()
	if slot > at {
		w.look = true // it knows more than we do
	}
	for _, e := range m.recent {
		if e.slot > slot {
			l.c.peers.Send(n.link, msgEntry, e.message)
		}
	}
	// What is not kept any more leaves a gap: it learns of that now, rather than from the next entry.
	l.c.peers.Send(n.link, msgBarrierDone, encodeBarrier(0, at))
}

type sentEntry struct {
	slot    base.Slot
	message []byte
}

// stream sends an entry that is believed to the followers.
func (l *loop) stream(e journal.Entry) {
	m := &l.member
	if l.c.peers == nil {
		return
	}
	var w codec.Writer
	lastModified := int64(-1)
	if !e.LastModified.IsZero() {
		lastModified = e.LastModified.UnixMilli()
	}
	w.Varint(lastModified)
	w.Bytes(e.Object)
	m.recent = append(m.recent, sentEntry{e.Slot, w.B})
	m.recentBytes += len(w.B)
	for len(m.recent) > recentEntries || m.recentBytes > recentBytes && len(m.recent) > 1 {
		m.recentBytes -= len(m.recent[0].message)
		m.recent[0].message = nil
		m.recent = m.recent[1:]
	}
	for _, link := range l.followerLinks() {
		if !l.c.peers.Send(link, msgEntry, w.B) {
			delete(m.followers, link)
		}
	}
}

// offered takes an entry from the sequencer's stream.
func (l *loop) offered(w *work, link LinkID, r *codec.Reader) error {
	lastModified, object := r.Varint(), r.Bytes()
	if r.Err != nil || link != l.member.sequencerUp {
		return nil
	}
	var at time.Time
	if lastModified >= 0 {
		at = time.UnixMilli(lastModified)
	}
	e, ok, err := l.journal.Offer(object, at)
	if err != nil {
		l.c.log.Warn("the sequencer sent an entry that cannot be read: reading the bucket", "error", err)
		w.look = true
		return nil
	}
	if ok {
		l.c.counts.streamed.Add(1)
		return l.take(e)
	}
	if h, err := journal.DecodeEntry(object); err == nil {
		slot, _ := l.journal.Position()
		w.look = w.look || h.Slot > slot+1 // a gap: the bucket has what the stream did not bring
	}
	return nil
}
