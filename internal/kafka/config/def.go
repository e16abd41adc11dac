package config

import (
	"sort"

	"github.com/millrace-io/millrace/internal/base"
)

// Type is what a setting's value looks like; the numbers are DescribeConfigs' config types (KIP-569).
type Type int8

// The types in use. Kafka's Class and Password are strings whose meaning differs.
const (
	Unknown  Type = 0
	Boolean  Type = 1
	String   Type = 2
	Int      Type = 3
	Short    Type = 4
	Long     Type = 5
	Double   Type = 6
	List     Type = 7
	Class    Type = 8
	Password Type = 9
)

var typeNames = [...]string{"UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}

// String gives Kafka's name of the type, as its error texts show it.
func (t Type) String() string {
	if t < 0 || int(t) >= len(typeNames) {
		return typeNames[Unknown]
	}
	return typeNames[t]
}

// Source is the layer a value comes from; the numbers are DescribeConfigs' config sources (KIP-226).
type Source int8

// The layers, highest precedence first.
const (
	FromTopic          Source = 1
	FromDynamicDefault Source = 3
	FromStatic         Source = 4
	FromDefault        Source = 5
)

// KV is one setting as it was given: its value is neither trimmed nor normalised, as in Kafka.
type KV struct {
	Name, Value string
}

// Def is one row of a table.
type Def struct {
	Name string
	Type Type
	// Default as Kafka prints it. Meaningless with NoDefault: the value is null until it is set.
	Default   string
	NoDefault bool
	// Synonyms are the broker settings that stand in for this one, the most specific first. A topic setting without any
	// has no broker-wide value. For a broker setting they include its own name.
	Synonyms []string
	// Dynamic broker settings can be altered for the whole cluster through Kafka; the others are the agent's own
	// and read-only. Topic settings can always be altered.
	Dynamic bool
	// Internal settings are accepted and never described.
	Internal bool
	Doc      string

	// unique lists drop repeated elements when they are read (KIP-1161).
	unique bool
	check  check
}

// Sensitive tells that the value is never shown.
func (d Def) Sensitive() bool { return d.Type == Password }

// Table is a set of settings. The two there are, Topic and BrokerTable, are never changed.
type Table struct {
	defs   []Def
	byName map[string]int
}

func newTable(defs []Def) *Table {
	sort.Slice(defs, func(i, j int) bool { return defs[i].Name < defs[j].Name })
	t := &Table{defs: defs, byName: make(map[string]int, len(defs))}
	for i := range defs {
		t.byName[defs[i].Name] = i
	}
	return t
}

// Topic has every setting of a topic; BrokerTable those of a broker that stand in for a topic's or that clients and
// tools look at.
var (
	Topic       = newTable(topicDefs())
	BrokerTable = newTable(brokerDefs())
)

// Lookup finds a setting by its name.
func (t *Table) Lookup(name string) (Def, bool) {
	i, ok := t.byName[name]
	if !ok {
		return Def{}, false
	}
	return t.defs[i], true
}

// Defs lists all settings by name. The slice is the caller's.
func (t *Table) Defs() []Def { return append([]Def(nil), t.defs...) }

// Parse reads a value as the named setting takes it and checks it alone. An unknown name or a bad value is
// InvalidConfig with Kafka's text.
func (t *Table) Parse(name, value string) (Value, error) {
	d, ok := t.Lookup(name)
	if !ok {
		return Value{}, unknownName(t, name)
	}
	return d.parse(value)
}

// Normalize gives the value as DescribeConfigs shows it: trimmed, with numbers in their shortest form.
func (t *Table) Normalize(name, value string) (string, error) {
	v, err := t.Parse(name, value)
	if err != nil {
		return "", err
	}
	return v.String(), nil
}

func (d Def) parse(value string) (Value, error) {
	v, err := parseType(d.Name, value, d.Type)
	if err != nil {
		return Value{}, err
	}
	if d.unique {
		v.list = withoutRepeats(v.list)
	}
	return d.checked(v)
}

// parseStrict refuses a repeated element in a unique list instead of dropping it, as Kafka's broker does with settings
// altered for the whole cluster.
func (d Def) parseStrict(value string) (Value, error) {
	v, err := parseType(d.Name, value, d.Type)
	if err != nil {
		return Value{}, err
	}
	return d.checked(v)
}

func (d Def) checked(v Value) (Value, error) {
	if d.check == nil {
		return v, nil
	}
	if err := d.check(d.Name, v); err != nil {
		return Value{}, err
	}
	return v, nil
}

func unknownName(t *Table, name string) error {
	if t == Topic {
		return base.Errorf(base.InvalidConfig, "Unknown topic config name: %s", name)
	}
	return base.Errorf(base.InvalidConfig, "Unknown config name: %s", name)
}

// find looks a name up in a sorted set.
func find(set []KV, name string) (string, bool) {
	i := sort.Search(len(set), func(i int) bool { return set[i].Name >= name })
	if i < len(set) && set[i].Name == name {
		return set[i].Value, true
	}
	return "", false
}

// with gives a copy of the set in which name has the value; without, one that lacks it.
func with(set []KV, name, value string) []KV {
	out := append(without(set, name), KV{name, value})
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func without(set []KV, name string) []KV {
	out := make([]KV, 0, len(set)+1)
	for _, kv := range set {
		if kv.Name != name {
			out = append(out, kv)
		}
	}
	return out
}
