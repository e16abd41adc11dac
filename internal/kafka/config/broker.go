package config

import (
	"slices"
	"sort"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

// Broker is the broker-wide layers: an agent's own settings and what was altered for the whole cluster. It is a value,
// made anew when either changes; the zero value has Kafka's defaults.
type Broker struct {
	static  map[string]string
	dynamic []KV
	// forTopics is what topics without settings of their own are worth here; nil in the zero value.
	forTopics *Values
}

// NewBroker joins the two layers. Settings that no table knows are passed over: they are not Kafka's to describe.
// node.id and broker.id stand for each other, as in Kafka.
func NewBroker(static map[string]string, dynamic []KV) Broker {
	own := make(map[string]string, len(static)+1)
	for name, value := range static {
		if _, known := BrokerTable.Lookup(name); known {
			own[name] = value
		}
	}
	copySetting(own, "node.id", "broker.id")
	copySetting(own, "broker.id", "node.id")
	return layered(own, slices.Clone(dynamic))
}

func layered(static map[string]string, dynamic []KV) Broker {
	b := Broker{static: static, dynamic: dynamic}
	v := b.topicValues()
	b.forTopics = &v
	return b
}

func copySetting(own map[string]string, from, to string) {
	value, given := own[from]
	if _, taken := own[to]; given && !taken {
		own[to] = value
	}
}

// CheckStatic refuses agent settings that Kafka's broker would not start with: those the table knows must parse.
// The first bad one by name is reported as InvalidConfig.
func CheckStatic(static map[string]string) error {
	names := make([]string, 0, len(static))
	for name := range static {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		d, known := BrokerTable.Lookup(name)
		if !known {
			continue
		}
		if _, err := d.parse(static[name]); err != nil {
			return err
		}
	}
	b := NewBroker(static, nil)
	if err := checkBrokerWhole(b); err != nil {
		return err
	}
	return resolver{broker: b}.checkLags()
}

// raw gives a broker setting's text and the layer it is from; not ok is null.
func (b Broker) raw(name string) (text string, from Source, ok bool) {
	if text, ok := find(b.dynamic, name); ok {
		return text, FromDynamicDefault, true
	}
	if text, ok := b.static[name]; ok {
		return text, FromStatic, true
	}
	d, known := BrokerTable.Lookup(name)
	return d.Default, FromDefault, known && !d.NoDefault
}

// value is the setting parsed, without its synonyms; not ok is null. A text that no longer parses counts as the
// default: it was valid when it was stored.
func (b Broker) value(name string) (Value, bool) {
	d, known := BrokerTable.Lookup(name)
	text, _, ok := b.raw(name)
	if !known || !ok {
		return Value{}, false
	}
	if v, err := d.parse(text); err == nil {
		return v, true
	}
	v, err := d.parse(d.Default)
	return v, err == nil && !d.NoDefault
}

// Milliseconds in the units that some broker settings are counted in.
const (
	minuteMs = 60_000
	hourMs   = 60 * minuteMs
)

// forTopic is what a topic setting is worth where the topic itself says nothing: the first of its synonyms that is not
// null, in the topic's unit, else its own default.
func (b Broker) forTopic(d Def) (Value, bool) {
	for _, name := range d.Synonyms {
		v, ok := b.value(name)
		if !ok {
			continue
		}
		if d.Type == Long {
			v = Value{typ: Long, num: v.num * unitMs(name)}
		}
		if d.Name == "retention.ms" {
			v.num = max(v.num, -1)
		}
		return v, true
	}
	if d.NoDefault {
		return Value{}, false
	}
	v, err := d.parse(d.Default)
	return v, err == nil
}

func unitMs(name string) int64 {
	switch {
	case strings.HasSuffix(name, ".hours"):
		return hourMs
	case strings.HasSuffix(name, ".minutes"):
		return minuteMs
	default:
		return 1
	}
}

// checkBrokerWhole is what Kafka's broker demands of its settings beyond each one's own range. The texts are its own,
// with the words Scala's require puts before them.
func checkBrokerWhole(b Broker) error {
	r := resolver{broker: b}
	switch {
	case r.long("retention.ms") == 0:
		return base.Errorf(base.InvalidConfig, "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1")
	case r.long("segment.ms") < 1:
		return base.Errorf(base.InvalidConfig, "requirement failed: log.roll.ms must be greater than or equal to 1")
	case r.long("segment.jitter.ms") < 0:
		return base.Errorf(base.InvalidConfig, "requirement failed: log.roll.jitter.ms must be greater than or equal to 0")
	}
	return nil
}
