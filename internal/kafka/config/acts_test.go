package config

import (
	"strings"
	"testing"
)

func TestWhatActsIsKnown(t *testing.T) {
	for _, name := range acting {
		if _, ok := BrokerTable.Lookup(name); !ok {
			t.Errorf("no broker setting %s", name)
		}
	}
	for _, name := range actingForTopics {
		d, ok := Topic.Lookup(name)
		if !ok || len(d.Synonyms) == 0 {
			t.Errorf("no topic setting %s", name)
		}
	}
	for name, want := range map[string]bool{"log.retention.hours": true, "message.max.bytes": true, "num.partitions": true,
		"log.dirs": false, "max.connections": false, "nothing": false} {
		if Acts(name) != want {
			t.Errorf("%s acts: %v", name, !want)
		}
	}
}

// The documentation of what has no effect says so, once; that of what has one does not.
func TestDocumentationIsTrue(t *testing.T) {
	for _, e := range append(DescribeBroker(Broker{}, Options{Docs: true}), DescribeTopic(nil, Broker{}, Options{Docs: true})...) {
		says := strings.Count(*e.Doc, describedOnly) + strings.Count(*e.Doc, keptOnly)
		acts := Acts(e.Name)
		for _, name := range actingForTopics {
			acts = acts || name == e.Name
		}
		if acts == (says == 1) || says > 1 {
			t.Errorf("%s acts: %v, and is documented as %q", e.Name, acts, *e.Doc)
		}
	}
}

func TestWhatIsSettledElsewhere(t *testing.T) {
	for name, want := range map[string]string{"listeners": "--listen", "sasl.enabled.mechanisms": "SASL", "ssl.keystore.location": "TLS",
		"authorizer.class.name": "authorisation", "node.id": "journal", "num.partitions": "", "log.retention.ms": ""} {
		if got := Settled(name); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
