package log

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// MaxPartitions bounds a topic, and MaxClusterPartitions all topics together: the state is sized for 100,000 in use,
// and one request must not be able to multiply it by thousands.
const (
	MaxPartitions        = 100_000
	MaxClusterPartitions = 1_000_000
)

// MaxTopicNameBytes is Kafka's bound on topic names.
const MaxTopicNameBytes = 249

// Decide says what follows from command c in state s at bucket time now, under the broker-wide settings b. It changes
// nothing.
func Decide(s *State, c Command, now base.Millis, b config.Broker) ([]Event, *Reply) {
	switch c := c.(type) {
	case *CreateTopic:
		return s.decideCreate(c, now, b)
	case *DeleteTopic:
		return s.decideDelete(c, now)
	case *CreatePartitions:
		return s.decidePartitions(c)
	case *ConfigureTopic:
		return s.decideConfigure(c, b)
	case *CommitSegment:
		return s.decideCommit(c, now)
	case *AllocateProducerIDs:
		return s.decideProducerIDs(c)
	case *DeleteRecords:
		return s.decideDeleteRecords(c, now, b)
	case *Retain:
		return s.decideRetain(c, now, b)
	case *ExpireProducers:
		return s.decideExpireProducers(c, now, b)
	case *LandFiles:
		return s.decideLand(c, now)
	case *MergeExtents:
		return s.decideMerge(c, now)
	case *RemoveFiles:
		return s.decideRemove(c, now)
	}
	return nil, refuse(base.UnknownServerError, fmt.Sprintf("no rule for a command of tag %d", c.Tag()))
}

// ValidTopicName holds name against Kafka's rule (Topic.validate) and says what is wrong with it.
func ValidTopicName(name string) error {
	switch {
	case name == "":
		return base.Errorf(base.InvalidTopicException, "the topic name is empty")
	case name == "." || name == "..":
		return base.Errorf(base.InvalidTopicException, "a topic cannot be named '.' or '..'")
	case len(name) > MaxTopicNameBytes:
		return base.Errorf(base.InvalidTopicException, "the topic name is %d characters long, the most is %d", len(name), MaxTopicNameBytes)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return base.Errorf(base.InvalidTopicException, "the topic name %q holds characters other than ASCII letters, digits, '.', '_' and '-'", name)
		}
	}
	return nil
}

// clash is what two names have in common that collide in metrics: '.' and '_' are the same there.
func clash(name string) (string, bool) {
	return strings.ReplaceAll(name, ".", "_"), strings.ContainsAny(name, "._")
}

func (s *State) decideCreate(c *CreateTopic, now base.Millis, b config.Broker) ([]Event, *Reply) {
	if err := ValidTopicName(c.Name); err != nil {
		return nil, refuse(base.InvalidTopicException, err.Error())
	}
	if t, ok := s.TopicByName(c.Name); ok {
		r := refuse(base.TopicAlreadyExists, fmt.Sprintf("Topic '%s' already exists.", c.Name))
		r.Topic, r.Partitions = t.ID, t.Partitions
		return nil, r
	}
	if key, can := clash(c.Name); can {
		if n, ok := s.byClash.Get(key); ok {
			t, _ := s.topics.Get(n)
			return nil, refuse(base.InvalidTopicException, fmt.Sprintf("Topic '%s' collides with existing topic: %s", c.Name, t.Name))
		}
	}
	if r := s.refusePartitions(c.Partitions, c.Partitions); r != nil {
		return nil, r
	}
	if _, ok := s.byID.Get(string(c.ID[:])); ok || c.ID.IsZero() {
		return nil, refuse(base.InvalidRequest, fmt.Sprintf("the topic id %s is taken or zero", c.ID))
	}
	configs := slices.SortedFunc(slices.Values(c.Configs), func(a, b config.KV) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(configs); i++ {
		if configs[i-1].Name == configs[i].Name {
			return nil, refuse(base.InvalidRequest, fmt.Sprintf("the config %s of topic %q is set twice", configs[i].Name, c.Name))
		}
	}
	if err := config.ValidateTopic(nil, configs, b); err != nil {
		return nil, refuse(base.KindOf(err), err.Error())
	}
	e := &TopicCreated{Number: s.nextTopic, ID: c.ID, Name: c.Name, Partitions: c.Partitions, Configs: configs, At: now}
	return []Event{e}, &Reply{Topic: c.ID, Partitions: c.Partitions}
}

// refusePartitions holds a topic's new count of partitions, of which added are new, against the bounds.
func (s *State) refusePartitions(count, added int32) *Reply {
	switch {
	case count <= 0:
		return refuse(base.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	case count > MaxPartitions:
		return refuse(base.InvalidPartitions, fmt.Sprintf("%d partitions are more than the %d that a topic may have", count, MaxPartitions))
	case s.partitions+int(added) > MaxClusterPartitions:
		return refuse(base.PolicyViolation, fmt.Sprintf("the cluster has %d partitions; %d more would pass its bound of %d", s.partitions, added, MaxClusterPartitions))
	}
	return nil
}

func refuseID(id base.TopicID) *Reply {
	return refuse(base.UnknownTopicID, fmt.Sprintf("no topic has the id %s", id))
}

func (s *State) decideDelete(c *DeleteTopic, now base.Millis) ([]Event, *Reply) {
	t, ok := s.TopicByID(c.ID)
	if !ok {
		return nil, refuseID(c.ID)
	}
	return []Event{&TopicDeleted{Number: t.Number, At: now}}, &Reply{}
}

func (s *State) decidePartitions(c *CreatePartitions) ([]Event, *Reply) {
	t, ok := s.TopicByID(c.ID)
	if !ok {
		return nil, refuseID(c.ID)
	}
	if c.Count == t.Partitions {
		return nil, refuse(base.InvalidPartitions, fmt.Sprintf("Topic already has %d partition(s).", t.Partitions))
	}
	if c.Count < t.Partitions {
		return nil, refuse(base.InvalidPartitions, fmt.Sprintf("The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, t.Partitions, c.Count))
	}
	if r := s.refusePartitions(c.Count, c.Count-t.Partitions); r != nil {
		return nil, r
	}
	return []Event{&PartitionsCreated{Number: t.Number, Count: c.Count}}, &Reply{Partitions: c.Count}
}

func (s *State) decideConfigure(c *ConfigureTopic, b config.Broker) ([]Event, *Reply) {
	t, ok := s.TopicByID(c.ID)
	if !ok {
		return nil, refuseID(c.ID)
	}
	alter := config.ApplyTopic
	if c.Replace {
		alter = config.ReplaceTopic
	}
	configs, err := alter(t.Configs, c.Ops, b)
	if err != nil {
		return nil, refuse(base.KindOf(err), err.Error())
	}
	return []Event{&TopicConfigured{Number: t.Number, Configs: configs}}, &Reply{}
}

// maxProducerIDs is the most ids one command may take: Kafka's own block is 1000.
const maxProducerIDs = 1000

func (s *State) decideProducerIDs(c *AllocateProducerIDs) ([]Event, *Reply) {
	if c.Count <= 0 || c.Count > maxProducerIDs {
		return nil, refuse(base.InvalidRequest, fmt.Sprintf("%d producer ids asked for, 1 to %d can be had at once", c.Count, maxProducerIDs))
	}
	if plant.LeftOut(plant.IDsAreEvents) {
		return nil, &Reply{ProducerID: s.nextPID}
	}
	return []Event{&ProducerIDsAllocated{First: s.nextPID, Count: c.Count}}, &Reply{ProducerID: s.nextPID}
}

func (s *State) decideDeleteRecords(c *DeleteRecords, now base.Millis, b config.Broker) ([]Event, *Reply) {
	t, p, ok := s.PartitionOf(c.ID, c.Index)
	if !ok {
		return nil, refuse(base.UnknownTopicOrPartition, fmt.Sprintf("topic %s has no partition %d", c.ID, c.Index))
	}
	if !config.Effective(t.Configs, b).Delete {
		return nil, refuse(base.PolicyViolation, fmt.Sprintf("Records of partition %s-%d can not be deleted due to the configured policy", t.Name, c.Index))
	}
	to := c.Offset
	if to == -1 {
		to = p.End
	}
	if to < 0 || to > p.End && !plant.LeftOut(plant.DeleteBelowEnd) {
		return nil, refuse(base.OffsetOutOfRange, fmt.Sprintf("offset %d of %s-%d is not between 0 and the high watermark %d", c.Offset, t.Name, c.Index, p.End))
	}
	if to <= p.Start {
		return nil, &Reply{Offset: p.Start}
	}
	return []Event{&Trimmed{Key: p.Key, Start: to, At: now}}, &Reply{Offset: to}
}

// maxExpired bounds what one command may expire, so that its event fits an entry many times over. The rest waits for
// the next proposal.
const maxExpired = 10_000

// decideExpireProducers checks again what the proposer saw: a producer goes only when it was silent for the cluster's
// producer.id.expiration.ms.
func (s *State) decideExpireProducers(c *ExpireProducers, now base.Millis, b config.Broker) ([]Event, *Reply) {
	_, p, ok := s.PartitionOf(c.ID, c.Index)
	if !ok {
		return nil, refuse(base.UnknownTopicOrPartition, fmt.Sprintf("topic %s has no partition %d", c.ID, c.Index))
	}
	silent := max(c.AfterMs, base.Millis(b.Values().ProducerIDExpirationMs))
	var ids []int64
	p.Producers(func(_ int64, pr *Producer) bool {
		if pr.LastSeen <= now-silent || plant.LeftOut(plant.ProducersChecked) {
			ids = append(ids, pr.ID)
		}
		return len(ids) < maxExpired
	})
	if len(ids) == 0 {
		return nil, &Reply{}
	}
	return []Event{&ProducersExpired{Key: p.Key, IDs: ids}}, &Reply{}
}
