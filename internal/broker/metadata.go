package broker

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// metadata answers Metadata v0–13: agents, and topics by name or id (KIP-516), all with an empty list (v0) or null.
// Unknown names are created if the client and auto.create.topics.enable allow it, and are usable at once.
func metadata(q *query, r *kmsg.MetadataRequest) kmsg.Response {
	q.b.Journal.Suspect()
	response := r.ResponseKind().(*kmsg.MetadataResponse)
	if kind := oldMetadataByID(r); kind != base.OK {
		for _, t := range r.Topics {
			response.Topics = append(response.Topics, missingTopic(t.Topic, t.TopicID, kind))
		}
		return q.aboutCluster(r, response)
	}
	if r.Topics == nil || r.Version == 0 && len(r.Topics) == 0 {
		q.view.Log.Topics(func(t *log.Topic) bool {
			if q.allow(Describe, Topic, t.Name) {
				response.Topics = append(response.Topics, q.topicMetadata(r, t))
			}
			return true
		})
		return q.aboutCluster(r, response)
	}
	l := lookup{q: q, r: r, wrong: map[string]base.Kind{}}
	err := l.all()
	for _, t := range r.Topics {
		response.Topics = append(response.Topics, l.answer(t, err))
	}
	return q.aboutCluster(r, response)
}

// oldMetadataByID: versions 10 and 11 have ids in their layout, but only 12 may ask by them.
func oldMetadataByID(r *kmsg.MetadataRequest) base.Kind {
	for _, t := range r.Topics {
		if r.Version < 12 && (t.Topic == nil || t.TopicID != [16]byte{}) {
			return base.InvalidRequest
		}
	}
	return base.OK
}

// aboutCluster adds what every answer says: the agents and who the controller is.
func (q *query) aboutCluster(r *kmsg.MetadataRequest, response *kmsg.MetadataResponse) kmsg.Response {
	list := q.nodes()
	for _, n := range list {
		response.Brokers = append(response.Brokers, kmsg.MetadataResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.zone})
	}
	id := q.b.Journal.ClusterID()
	response.ClusterID, response.ControllerID = &id, controller(list)
	if r.IncludeClusterAuthorizedOperations && r.Version >= 8 && r.Version <= 10 {
		if response.AuthorizedOperations = 0; q.allow(Describe, Cluster, clusterName) {
			response.AuthorizedOperations = q.operations(Cluster, clusterName)
		}
	}
	return response
}

// lookup finds the topics that a Metadata request names.
type lookup struct {
	q     *query
	r     *kmsg.MetadataRequest
	wrong map[string]base.Kind // names that could not be created
}

// all makes the view new enough, and creates topics, so that what answer does not find then is not there.
func (l *lookup) all() error {
	if err := l.q.certainly(func(v meta.View) bool { return l.unknown(v, nil) }); err != nil {
		return err
	}
	if l.r.Version >= 4 && !l.r.AllowAutoTopicCreation || !l.q.b.rules().values.AutoCreateTopics {
		return nil
	}
	return l.create()
}

// unknown reports whether a topic is not in v; by name it hands each to visit, if that is not nil.
func (l *lookup) unknown(v meta.View, visit func(name string)) bool {
	missing := false
	for _, t := range l.r.Topics {
		switch {
		case t.TopicID != [16]byte{}:
			_, ok := v.Log.TopicByID(t.TopicID)
			missing = missing || !ok
		case t.Topic != nil && log.ValidTopicName(*t.Topic) == nil && l.q.allow(Describe, Topic, *t.Topic):
			if _, ok := v.Log.TopicByName(*t.Topic); !ok {
				missing = true
				if visit != nil {
					visit(*t.Topic)
				}
			}
		}
	}
	return missing
}

// create makes the topics that are missing, all at once.
func (l *lookup) create() error {
	type creation struct {
		name    string
		verdict *env.Future[*meta.Verdict]
	}
	var list []creation
	partitions := l.q.b.rules().values.NumPartitions
	l.unknown(l.q.view, func(name string) {
		if _, again := l.wrong[name]; again {
			return
		}
		l.wrong[name] = base.OK
		if !l.q.allow(Create, Cluster, clusterName) && !l.q.allow(Create, Topic, name) {
			l.wrong[name] = topicAuthorizationFailed
			return
		}
		op := &log.CreateTopic{Name: name, ID: l.q.b.newTopicID(), Partitions: partitions}
		list = append(list, creation{name, l.q.b.Journal.Propose(op)})
	})
	for _, c := range list {
		v, err := c.verdict.Wait(l.q.by(0))
		switch {
		case err != nil:
			l.wrong[c.name] = leaderNotAvailable
		case v.Kind() != base.TopicAlreadyExists:
			l.wrong[c.name] = v.Kind()
		}
	}
	if len(list) > 0 {
		l.q.view = l.q.b.Journal.View()
	}
	return nil
}

// answer says what was found of one topic; err is why nothing certain could be found out.
func (l *lookup) answer(t kmsg.MetadataRequestTopic, err error) kmsg.MetadataResponseTopic {
	if t.TopicID != [16]byte{} {
		topic, ok := l.q.view.Log.TopicByID(t.TopicID)
		switch {
		case ok && l.q.allow(Describe, Topic, topic.Name):
			return l.q.topicMetadata(l.r, topic)
		case ok:
			return missingTopic(nil, t.TopicID, topicAuthorizationFailed)
		case err != nil:
			return missingTopic(nil, t.TopicID, leaderNotAvailable)
		}
		return missingTopic(nil, t.TopicID, base.UnknownTopicID)
	}
	switch {
	case t.Topic == nil:
		return missingTopic(nil, t.TopicID, base.InvalidTopicException)
	case !l.q.allow(Describe, Topic, *t.Topic):
		return missingTopic(t.Topic, t.TopicID, topicAuthorizationFailed)
	}
	topic, ok := l.q.view.Log.TopicByName(*t.Topic)
	switch {
	case ok:
		return l.q.topicMetadata(l.r, topic)
	case log.ValidTopicName(*t.Topic) != nil:
		return missingTopic(t.Topic, t.TopicID, base.InvalidTopicException)
	case err != nil:
		return missingTopic(t.Topic, t.TopicID, leaderNotAvailable)
	case l.wrong[*t.Topic] != base.OK:
		return missingTopic(t.Topic, t.TopicID, base.Kind(ofCluster.code(l.wrong[*t.Topic])))
	}
	return missingTopic(t.Topic, t.TopicID, base.UnknownTopicOrPartition)
}

func missingTopic(name *string, id base.TopicID, k base.Kind) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.ErrorCode, t.IsInternal = name, id, int16(k), name != nil && isInternal(*name)
	return t
}

// isInternal: Kafka's own topics. They hold nothing here; a client may still make ones of these names.
func isInternal(topic string) bool {
	return topic == "__consumer_offsets" || topic == "__transaction_state" || topic == "__share_group_state"
}

func (q *query) topicMetadata(r *kmsg.MetadataRequest, t *log.Topic) kmsg.MetadataResponseTopic {
	leader := q.leaders(t.ID)
	a := kmsg.NewMetadataResponseTopic()
	a.Topic, a.TopicID, a.IsInternal = &t.Name, t.ID, isInternal(t.Name)
	a.Partitions = make([]kmsg.MetadataResponseTopicPartition, t.Partitions)
	replicas := map[int32][]int32{} // of each leader, which many partitions have
	for i := range a.Partitions {
		p := &a.Partitions[i]
		*p = kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader = int32(i), leader(int32(i))
		p.LeaderEpoch = q.epoch(t, int32(i))
		if p.Leader == noNode {
			p.ErrorCode = int16(leaderNotAvailable)
			continue
		}
		if replicas[p.Leader] == nil {
			replicas[p.Leader] = []int32{p.Leader}
		}
		p.Replicas = replicas[p.Leader]
		p.ISR = p.Replicas
	}
	if r.IncludeTopicAuthorizedOperations && r.Version >= 8 {
		a.AuthorizedOperations = q.operations(Topic, t.Name)
	}
	return a
}

// epoch is a partition's leader epoch.
func (q *query) epoch(t *log.Topic, index int32) int32 {
	if p, ok := q.view.Log.Partition(base.KeyOf(t.Number, index)); ok {
		return p.Epoch
	}
	return -1
}

// newTopicID draws a random UUID (version 4), as Kafka does: never zero or one of the reserved ones.
func (b *Broker) newTopicID() (id base.TopicID) {
	binary.BigEndian.PutUint64(id[:], b.env.Uint64())
	binary.BigEndian.PutUint64(id[8:], b.env.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
