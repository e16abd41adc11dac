package broker

import (
	"sync"

	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// rules are the broker settings at work.
type rules struct {
	meta.Rules
	values  config.BrokerValues
	dynamic []config.KV // the layer they were worked out from
}

// topicRules keeps what topics' settings are worth: working it out parses them. A topic's value in a View is replaced
// when its settings change, so its address tells whether the result still holds.
type topicRules struct {
	mu      sync.Mutex
	current *rules
	byTopic map[uint32]topicRule
}

type topicRule struct {
	topic  *log.Topic
	values *config.Values
}

// topicRulesMin is when the cache is first looked at for topics that are gone.
const topicRulesMin = 1024

// rules gives the broker settings as of now.
func (b *Broker) rules() *rules {
	dynamic := b.Journal.View().Admin.Configs()
	b.topics.mu.Lock()
	r := b.topics.current
	b.topics.mu.Unlock()
	if r != nil && sameList(r.dynamic, dynamic) {
		return r
	}
	r = &rules{Rules: b.Journal.Rules(), dynamic: dynamic}
	r.values = r.Broker.Values()
	b.topics.mu.Lock()
	defer b.topics.mu.Unlock()
	b.topics.current, b.topics.byTopic = r, map[uint32]topicRule{}
	return r
}

// sameList: lists in Views are replaced, never changed.
func sameList(a, b []config.KV) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// effective gives a topic's settings at work.
func (b *Broker) effective(t *log.Topic) *config.Values {
	r := b.rules()
	c := &b.topics
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.byTopic[t.Number]; ok && known.topic == t && c.current == r {
		return known.values
	}
	v := config.Effective(t.Configs, r.Broker)
	if len(c.byTopic) >= max(topicRulesMin, 2*b.Journal.View().Log.TopicCount()) {
		clear(c.byTopic)
	}
	if c.current == r {
		c.byTopic[t.Number] = topicRule{t, &v}
	}
	return &v
}
