package config

import (
	"slices"
	"strings"
)

// acting are the broker settings that change what an agent does. All others are known and described, because clients and
// tools ask for them, and say so in their documentation.
var acting = []string{
	"auto.create.topics.enable", "delete.topic.enable", "num.partitions", "connections.max.idle.ms", "socket.request.max.bytes",
	"group.min.session.timeout.ms", "group.max.session.timeout.ms", "group.initial.rebalance.delay.ms", "group.max.size",
	"offset.metadata.max.bytes", "offsets.retention.minutes", "producer.id.expiration.ms",
}

// actingForTopics are the topic settings that change what happens to a topic; the broker settings that stand in for them
// act too.
var actingForTopics = []string{
	"cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes", "message.timestamp.type",
	"message.timestamp.before.max.ms", "message.timestamp.after.max.ms",
}

// Acts reports whether a broker setting has an effect.
func Acts(name string) bool {
	return slices.Contains(acting, name) || slices.ContainsFunc(actingForTopics, func(topic string) bool {
		d, _ := Topic.Lookup(topic)
		return slices.Contains(d.Synonyms, name)
	})
}

// settled are settings that something else decides, by the beginning of their names.
var settled = []struct{ prefix, why string }{
	{"node.id", "the journal numbers the agents"},
	{"broker.id", "the journal numbers the agents"},
	{"broker.rack", "use --zone"},
	{"advertised.listeners", "use --advertise"},
	{"listeners", "use --listen"},
	{"listener.", "there is one listener, without security"},
	{"authorizer.", "there is no authorisation yet: everybody may do everything"},
	{"sasl.", "there is no SASL yet"},
	{"ssl.", "there is no TLS yet"},
	{"security.", "there is no security yet"},
	{"delegation.token.", "there are no delegation tokens"},
}

// Settled says why a broker setting cannot be given to an agent, though Kafka's brokers take it; "" if it can. To accept
// one in silence would be to promise what is not done.
func Settled(name string) string {
	for _, s := range settled {
		if name == s.prefix || strings.HasSuffix(s.prefix, ".") && strings.HasPrefix(name, s.prefix) {
			return s.why
		}
	}
	return ""
}

// Two ways to say that a setting has no effect.
const (
	describedOnly = "Described only"
	keptOnly      = "Kept and described"
)

// documentation is a broker setting's, which says so if the setting has no effect.
func (d Def) documentation() string {
	if _, topic := Topic.Lookup(d.Name); topic && !slices.Contains(actingForTopics, d.Name) || !topic && !Acts(d.Name) {
		if !strings.Contains(d.Doc, describedOnly) && !strings.Contains(d.Doc, keptOnly) {
			return d.Doc + " " + describedOnly + "."
		}
	}
	return d.Doc
}
