package group

import "github.com/millrace-io/millrace/internal/base"

// Config is what the cluster's configuration says about groups. Names are those of Kafka's broker configs.
type Config struct {
	InitialRebalanceDelayMs int32 // group.initial.rebalance.delay.ms
	MinSessionTimeoutMs     int32 // group.min.session.timeout.ms
	MaxSessionTimeoutMs     int32 // group.max.session.timeout.ms
	MaxSize                 int32 // group.max.size
	OffsetMetadataMax       int32 // offset.metadata.max.bytes
	OffsetsRetentionMs      int64 // offsets.retention.minutes
}

// DefaultConfig gives Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		InitialRebalanceDelayMs: 3000,
		MinSessionTimeoutMs:     6000,
		MaxSessionTimeoutMs:     30 * 60 * 1000,
		MaxSize:                 1<<31 - 1,
		OffsetMetadataMax:       4096,
		OffsetsRetentionMs:      7 * 24 * 60 * 60 * 1000,
	}
}

// Liveness knows which agents are registered.
type Liveness interface{ Live(base.Incarnation) bool }

// Decide says what follows from a command at a moment, by the state before it. It changes nothing, keeps no memory of
// the command's but in the events, and may be called from any goroutine on a State that is not being changed.
func Decide(s *State, c Command, now base.Millis, cfg Config, live Liveness) ([]Event, Reply) {
	d := decider{state: s, now: now, cfg: cfg, live: live}
	c.decide(&d)
	if d.misfit != nil {
		return nil, Reply{Kind: base.UnknownServerError}
	}
	return d.events, d.reply
}

// decider decides one command. Events apply to a private copy of the group as they are emitted, so that later steps see
// what earlier ones did; the copy's offsets are never changed.
type decider struct {
	state *State
	now   base.Millis
	cfg   Config
	live  Liveness

	edit   *token
	g      *Group // the group as it stands after events; nil: does not exist
	events []Event
	reply  Reply
	misfit error // an emitted event did not fit: the command is refused whole
}

// open makes a group the one that emit applies to.
func (d *decider) open(name string) { d.g = d.state.Get(name) }

func (d *decider) refuse(k base.Kind) { d.reply.Kind = k }

// record adds an event that no later step of the command looks at.
func (d *decider) record(e Event) { d.events = append(d.events, e) }

// emit adds an event and applies it to the copy of its group.
func (d *decider) emit(e groupEvent) {
	if d.edit == nil {
		d.edit = new(token)
	}
	if d.g == nil {
		d.g = newGroup(e.group(), d.edit)
	}
	d.g = d.g.editable(d.edit)
	if err := e.apply(d.g, d.edit); err != nil {
		d.misfit = err
	}
	d.record(e)
}
