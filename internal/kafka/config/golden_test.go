package config

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// The golden files hold what Apache Kafka 4.4.0 itself says: its tables, and the answers of its own classes to the
// cases listed with them (LogConfig, the controller's ConfigurationControlManager, the broker's ConfigAdminManager and
// ConfigHelper, called from a small Java program over the jars of that version).
func golden(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

type setting struct {
	Name, Type string
	Default    *string
	Internal   bool
	Mode       string
	Synonyms   []string
}

func (s setting) compare(t *testing.T, d Def) {
	t.Helper()
	if d.Type.String() != s.Type || d.Internal != s.Internal || d.NoDefault != (s.Default == nil) {
		t.Errorf("%s: type %v, internal %v, no default %v; Kafka has %+v", s.Name, d.Type, d.Internal, d.NoDefault, s)
	}
	if s.Default != nil && d.Default != *s.Default {
		t.Errorf("%s: default %q, Kafka's is %q", s.Name, d.Default, *s.Default)
	}
	if !slices.Equal(d.Synonyms, s.Synonyms) {
		t.Errorf("%s: synonyms %v, Kafka's are %v", s.Name, d.Synonyms, s.Synonyms)
	}
	if len(d.Doc) < 20 {
		t.Errorf("%s: documentation %q says nothing", s.Name, d.Doc)
	}
}

func TestTablesAreKafkas(t *testing.T) {
	var kafka struct{ Topic, Broker []setting }
	golden(t, "kafka-4.4.0-settings.json", &kafka)
	for _, s := range kafka.Topic {
		d, ok := Topic.Lookup(s.Name)
		if !ok {
			t.Errorf("no topic setting %s", s.Name)
			continue
		}
		s.compare(t, d)
	}
	if got, want := len(Topic.Defs()), len(kafka.Topic); got != want {
		t.Errorf("%d topic settings, Kafka has %d", got, want)
	}
	compareBroker(t, kafka.Broker)
}

// compareBroker holds the broker table to Kafka's: it may lack rows, but not those that stand in for a topic's.
func compareBroker(t *testing.T, kafka []setting) {
	byName := map[string]setting{}
	for _, s := range kafka {
		byName[s.Name] = s
	}
	for _, d := range BrokerTable.Defs() {
		s, ok := byName[d.Name]
		if !ok {
			t.Errorf("Kafka has no broker setting %s", d.Name)
			continue
		}
		s.compare(t, d)
		if d.Dynamic && s.Mode != "cluster-wide" {
			t.Errorf("%s is dynamic, Kafka says %q", d.Name, s.Mode)
		}
	}
	for _, topic := range Topic.Defs() {
		for _, name := range topic.Synonyms {
			if d, ok := BrokerTable.Lookup(name); !ok || d.Dynamic != (byName[name].Mode == "cluster-wide") {
				t.Errorf("%s: synonym %s is missing or not as dynamic as Kafka's", topic.Name, name)
			}
		}
	}
}

func TestDefaultsPassTheirOwnChecks(t *testing.T) {
	for _, table := range []*Table{Topic, BrokerTable} {
		for _, d := range table.Defs() {
			got, err := table.Normalize(d.Name, d.Default)
			if !d.NoDefault && (err != nil || got != d.Default) {
				t.Errorf("%s: default %q becomes %q, %v", d.Name, d.Default, got, err)
			}
		}
	}
}

type answers struct {
	Parse                  [][]*string
	Alter, Replace, Broker []alterCase
	Describe               []describeCase
}

func TestParseAsKafka(t *testing.T) {
	var kafka answers
	golden(t, "kafka-4.4.0-answers.json", &kafka)
	for _, row := range kafka.Parse {
		name, value := *row[0], *row[1]
		got, err := Topic.Normalize(name, value)
		if err == nil {
			// A topic's values are also checked together.
			err = ValidateTopic(nil, []KV{{name, value}}, Broker{})
		}
		switch {
		case row[2] != nil && (err != nil || got != *row[2]):
			// Kafka's answers come from a parser that does not ask whether tiering is switched on.
			if name != "remote.storage.enable" || got != *row[2] {
				t.Errorf("%s=%q: %q, %v; Kafka: %q", name, value, got, err, *row[2])
			}
		case row[2] == nil && (err == nil || err.Error() != *row[3] || base.KindOf(err) != base.InvalidConfig):
			t.Errorf("%s=%q: %q, %v; Kafka: %s", name, value, got, err, *row[3])
		}
	}
}

type alterCase struct {
	Static, Current map[string]string
	Ops             [][]string
	Result          map[string]string
	Code            base.Kind
	Error           string
}

func (c alterCase) ops() []Op {
	kinds := map[string]OpKind{"SET": Set, "DELETE": Delete, "APPEND": Append, "SUBTRACT": Subtract}
	var ops []Op
	for _, o := range c.Ops {
		op := Op{Name: o[0], Kind: kinds[o[1]]}
		if len(o) > 2 {
			value := strings.Replace(o[2], "32768 x", strings.Repeat("x", 32768), 1)
			op.Value = &value
		}
		ops = append(ops, op)
	}
	return ops
}

func sortedSet(m map[string]string) []KV {
	set := []KV{}
	for name, value := range m {
		set = append(set, KV{name, value})
	}
	sort.Slice(set, func(i, j int) bool { return set[i].Name < set[j].Name })
	return set
}

// ours is what we answer on purpose where Kafka's broker differs: it wraps some texts in the name of a Java class, and it
// stores settings it does not know for its plug-ins, of which there are none here.
func (c alterCase) ours() alterCase {
	c.Error = strings.TrimSuffix(strings.TrimPrefix(c.Error, "Invalid value org.apache.kafka.common.config.ConfigException: "),
		" for configuration Invalid dynamic configuration")
	if op := c.Ops[0]; c.Code == base.OK && op[0] == "nope" && op[1] == "SET" {
		c.Code, c.Error = base.InvalidRequest, "Cannot update these configs dynamically: [nope]"
	}
	return c
}

func (c alterCase) compare(t *testing.T, got []KV, err error) {
	t.Helper()
	if base.KindOf(err) != c.Code || c.Code != base.OK && err.Error() != c.Error {
		t.Errorf("%v on %v, static %v: %d %v; Kafka: %d %s", c.Ops, c.Current, c.Static, base.KindOf(err), err, c.Code, c.Error)
	}
	if c.Code == base.OK && c.Result != nil && !slices.Equal(got, sortedSet(c.Result)) {
		t.Errorf("%v on %v: %v; Kafka: %v", c.Ops, c.Current, got, c.Result)
	}
}

func TestAlterAsKafka(t *testing.T) {
	var kafka answers
	golden(t, "kafka-4.4.0-answers.json", &kafka)
	for _, c := range kafka.Alter {
		got, err := ApplyTopic(sortedSet(c.Current), c.ops(), NewBroker(c.Static, nil))
		c.compare(t, got, err)
	}
	for _, c := range kafka.Replace {
		got, err := ReplaceTopic(sortedSet(c.Current), c.ops(), NewBroker(c.Static, nil))
		c.compare(t, got, err)
	}
	for _, c := range kafka.Broker {
		c = c.ours()
		got, err := ApplyBroker(sortedSet(c.Current), c.ops(), NewBroker(c.Static, nil))
		c.compare(t, got, err)
	}
}

type described struct {
	Name      string
	Value     *string
	Source    Source
	Type      Type
	ReadOnly  bool
	Sensitive bool
	Synonyms  []struct {
		Name   string
		Value  *string
		Source Source
	}
}

// describeCase lists, after the first one, only the entries that differ from the first.
type describeCase struct {
	Static, Dynamic, Topic                   map[string]string
	TopicResult, BrokerResult, ClusterResult []described
}

func TestDescribeAsKafka(t *testing.T) {
	var kafka answers
	golden(t, "kafka-4.4.0-answers.json", &kafka)
	first := kafka.Describe[0]
	for _, c := range kafka.Describe {
		own := map[string]string{"node.id": "7", "process.roles": "broker"}
		for name, value := range c.Static {
			own[name] = value
		}
		b := NewBroker(own, sortedSet(c.Dynamic))
		all := Options{Synonyms: true, Docs: true}
		compareDescribed(t, DescribeTopic(sortedSet(c.Topic), b, all), overlay(first.TopicResult, c.TopicResult))
		compareDescribed(t, DescribeBroker(b, all), overlay(first.BrokerResult, truthful(c)))
		compareDescribed(t, DescribeCluster(b, all), c.ClusterResult)
	}
}

// truthful undoes an oddity of Kafka's that we leave out: altering log.flush.interval.ms for the whole cluster makes it
// show the default of log.flush.scheduler.interval.ms as a value from the broker's file, though the file says otherwise.
func truthful(c describeCase) []described {
	const name = "log.flush.scheduler.interval.ms"
	out := slices.Clone(c.BrokerResult)
	for i, e := range out {
		if value, given := c.Static[name]; given && e.Name == name {
			out[i].Value = &value
		}
	}
	return out
}

func overlay(under, over []described) []described {
	out := slices.Clone(under)
	for _, e := range over {
		out[slices.IndexFunc(out, func(o described) bool { return o.Name == e.Name })] = e
	}
	return out
}

func compareDescribed(t *testing.T, got []Described, want []described) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d entries, Kafka has %d", len(got), len(want))
		return
	}
	for i, w := range want {
		g := got[i]
		if g.Doc == nil || *g.Doc == "" {
			t.Errorf("%s: no documentation", g.Name)
		}
		// Settings that Kafka changes per broker are the agent's own here.
		if d, _ := BrokerTable.Lookup(w.Name); !d.Dynamic && g.ReadOnly {
			w.ReadOnly = true
		}
		gs := fmt.Sprint(g.Name, show(g.Value), g.Source, g.Type, g.ReadOnly, g.Sensitive)
		for _, s := range g.Synonyms {
			gs += fmt.Sprint(" ", s.Name, "=", show(s.Value), s.Source)
		}
		ws := fmt.Sprint(w.Name, show(w.Value), w.Source, w.Type, w.ReadOnly, w.Sensitive)
		for _, s := range w.Synonyms {
			ws += fmt.Sprint(" ", s.Name, "=", show(s.Value), s.Source)
		}
		if gs != ws {
			t.Errorf("\n got %s\nwant %s", gs, ws)
		}
	}
}

func show(s *string) string {
	if s == nil {
		return "(null)"
	}
	return *s
}
