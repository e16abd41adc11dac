package meta

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/group"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Rules are the settings that deciding needs. What they decide stands in the entry, so agents may differ in them.
type Rules struct {
	Broker config.Broker
	Group  group.Config
	Level  uint16 // the feature level of the entry: what needs a higher one is refused
}

// NewRules makes the rules of an agent with these settings of its own, in a state with those altered for all, where every agent
// knows FeatureLevel.
func NewRules(static map[string]string, dynamic []config.KV) Rules {
	b := config.NewBroker(static, dynamic)
	v := b.Values()
	return Rules{Broker: b, Level: FeatureLevel, Group: group.Config{
		InitialRebalanceDelayMs: v.GroupInitialRebalanceDelayMs,
		MinSessionTimeoutMs:     v.GroupMinSessionTimeoutMs,
		MaxSessionTimeoutMs:     v.GroupMaxSessionTimeoutMs,
		MaxSize:                 v.GroupMaxSize,
		OffsetMetadataMax:       v.OffsetMetadataMaxBytes,
		OffsetsRetentionMs:      int64(v.OffsetsRetentionMinutes) * 60_000,
	}}
}

// Decide says what command c comes to in state s at bucket time now; it changes nothing. isNew is true when the outcome
// is to be written: false for a repeat (its first verdict), and for a command that must not be decided at all, whose
// verdict is base.SessionGone (its incarnation is not registered: the process that bears it starts anew) or
// base.NumberGap.
func Decide(s *State, c Command, now base.Millis, rules Rules) (o Outcome, isNew bool) {
	o = Outcome{From: c.From, Number: c.Number, Watermark: c.Watermark}
	if r, ok := c.Op.(*admin.Register); ok {
		if a, ok := s.Admin.ByNonce(r.Nonce); ok {
			o.Verdict = &Verdict{Admin: &admin.Reply{Incarnation: a.Incarnation}}
			return o, false
		}
		o.From, o.Number, o.Watermark = 0, 0, 0
		o.Events, o.Verdict = s.decideOp(c, now, rules)
		return o, true
	}
	x, ok := s.sessions.Get(uint32(c.From))
	switch {
	case !ok:
		o.Verdict = &Verdict{Refused: base.SessionGone}
		return o, false
	case c.Number < x.next && !plant.LeftOut(plant.ExactlyOnce):
		o.Verdict = s.Verdict(c.From, c.Number)
		if o.Verdict == nil {
			o.Verdict = &Verdict{Refused: base.NumberGap} // below its own watermark: nobody waits for it
		}
		return o, false
	case c.Number > x.next || x.full(c.Watermark):
		o.Verdict = &Verdict{Refused: base.NumberGap}
		return o, false
	}
	o.Events, o.Verdict = s.decideOp(c, now, rules)
	return o, true
}

// decideOp asks the room, at the state's clock, which never goes back.
func (s *State) decideOp(c Command, now base.Millis, rules Rules) ([]Event, *Verdict) {
	now = max(now, s.Time)
	switch tag := c.Op.Tag(); {
	case tag < 64:
		op := c.Op.(log.Command)
		if log.LevelOf(op) > rules.Level {
			// Its proposer's View was behind. Clients try again; what was to ride will be uploaded then.
			return nil, Refuse(op, base.NotLeaderOrFollower, "an agent of an older version has come that does not know riders, or merges")
		}
		events, reply := log.Decide(s.Log, op, now, rules.Broker)
		return s.andOffsets(op, widen(events), now, rules), &Verdict{Log: reply}
	case tag < 128:
		events, reply := group.Decide(s.Groups, c.Op.(group.Command), now, rules.Group, s.Admin)
		return widen(events), &Verdict{Group: &reply}
	default:
		events, reply := admin.Decide(s.Admin, c.Op.(admin.Command), c.From, now, rules.Broker)
		return widen(events), &Verdict{Admin: reply}
	}
}

// andOffsets adds what a deleted topic means to the groups: their offsets for it go in the same entry.
func (s *State) andOffsets(op log.Command, events []Event, now base.Millis, rules Rules) []Event {
	d, ok := op.(*log.DeleteTopic)
	if !ok || len(events) == 0 {
		return events
	}
	forgotten, _ := group.Decide(s.Groups, &group.ForgetTopic{Topic: d.ID}, now, rules.Group, s.Admin)
	return append(events, widen(forgotten)...)
}

func widen[E Event](events []E) []Event {
	if len(events) == 0 {
		return nil
	}
	out := make([]Event, len(events))
	for i, e := range events {
		out[i] = e
	}
	return out
}
