package broker

import (
	"sort"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// clusterMetadataTopic is the one name that nobody may create.
const clusterMetadataTopic = "__cluster_metadata"

// createTopics answers CreateTopics v2–7. Each topic is a command of its own: one that is refused does not hold up the
// others.
func createTopics(q *query, r *kmsg.CreateTopicsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.CreateTopicsResponse)
	names, repeated := uniqueNames(r.Topics, func(t *kmsg.CreateTopicsRequestTopic) string { return t.Topic })
	creations := make([]creation, 0, len(names))
	for _, t := range names {
		creations = append(creations, q.startCreation(r, t))
	}
	for i := range creations {
		response.Topics = append(response.Topics, creations[i].finish(q, r))
	}
	for _, name := range repeated {
		response.Topics = append(response.Topics, topicNotCreated(name, base.Errorf(base.InvalidRequest, "Duplicate topic name.")))
	}
	return response
}

// uniqueNames splits a list into the items whose name stands in it once, in order, and the names that do not, sorted.
func uniqueNames[T any](list []T, name func(*T) string) (once []*T, repeated []string) {
	times := map[string]int{}
	for i := range list {
		times[name(&list[i])]++
	}
	for i := range list {
		if n := name(&list[i]); times[n] == 1 {
			once = append(once, &list[i])
		}
	}
	for n, count := range times {
		if count > 1 {
			repeated = append(repeated, n)
		}
	}
	sort.Strings(repeated)
	return once, repeated
}

// creation is one topic of a request on its way.
type creation struct {
	name    string
	op      *log.CreateTopic
	verdict *env.Future[*meta.Verdict] // nil: reply or err is there already
	reply   *log.Reply
	err     error
}

func (q *query) startCreation(r *kmsg.CreateTopicsRequest, t *kmsg.CreateTopicsRequestTopic) creation {
	c := creation{name: t.Topic}
	if c.op, c.err = q.asCreation(t); c.err != nil {
		return c
	}
	if r.ValidateOnly {
		_, c.reply = log.Decide(q.view.Log, c.op, q.b.Journal.Now(), q.b.rules().Broker)
		return c
	}
	c.verdict = q.b.Journal.Propose(c.op)
	return c
}

// asCreation turns what is asked for into a command. Texts are those of Kafka's controller.
func (q *query) asCreation(t *kmsg.CreateTopicsRequestTopic) (*log.CreateTopic, error) {
	switch {
	case t.Topic == clusterMetadataTopic:
		return nil, base.Errorf(base.InvalidRequest, "Creation of internal topic %s is prohibited.", clusterMetadataTopic)
	case !q.allow(Create, Cluster, clusterName) && !q.allow(Create, Topic, t.Topic):
		return nil, base.Errorf(topicAuthorizationFailed, "Authorization failed.")
	}
	if err := log.ValidTopicName(t.Topic); err != nil {
		return nil, err
	}
	if _, ok := q.view.Log.TopicByName(t.Topic); ok {
		return nil, base.Errorf(base.TopicAlreadyExists, "Topic '%s' already exists.", t.Topic)
	}
	configs, err := creationConfigs(t.Configs)
	if err != nil {
		return nil, err
	}
	partitions, err := q.creationPartitions(t)
	if err != nil {
		return nil, err
	}
	return &log.CreateTopic{Name: t.Topic, ID: q.b.newTopicID(), Partitions: partitions, Configs: configs}, nil
}

// creationConfigs sorts a new topic's settings by name; of several of one name the last counts.
func creationConfigs(list []kmsg.CreateTopicsRequestTopicConfig) ([]config.KV, error) {
	values := map[string]string{}
	var nulls []string
	for _, c := range list {
		if c.Value == nil {
			nulls = append(nulls, c.Name)
			continue
		}
		values[c.Name] = *c.Value
	}
	if len(nulls) > 0 {
		return nil, base.Errorf(base.InvalidConfig, "Null value not supported for topic configs: %s", strings.Join(nulls, ","))
	}
	kvs := make([]config.KV, 0, len(values))
	for name, value := range values {
		kvs = append(kvs, config.KV{Name: name, Value: value})
	}
	sort.Slice(kvs, func(i, j int) bool { return kvs[i].Name < kvs[j].Name })
	return kvs, nil
}

// creationPartitions works out a new topic's number of partitions.
func (q *query) creationPartitions(t *kmsg.CreateTopicsRequestTopic) (int32, error) {
	switch {
	case len(t.ReplicaAssignment) > 0:
		return q.assignedPartitions(t)
	case t.ReplicationFactor < -1 || t.ReplicationFactor == 0:
		return 0, base.Errorf(base.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case t.NumPartitions < -1 || t.NumPartitions == 0:
		return 0, base.Errorf(base.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	case t.NumPartitions == -1:
		return q.b.rules().values.NumPartitions, nil
	}
	return t.NumPartitions, nil
}

// assignedPartitions checks a manual assignment as Kafka does, and counts it. Where partitions live is not its to say.
func (q *query) assignedPartitions(t *kmsg.CreateTopicsRequestTopic) (int32, error) {
	switch {
	case t.ReplicationFactor != -1:
		return 0, base.Errorf(base.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	case t.NumPartitions != -1:
		return 0, base.Errorf(base.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	seen := map[int32]bool{}
	for _, a := range t.ReplicaAssignment {
		if seen[a.Partition] {
			return 0, base.Errorf(base.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		seen[a.Partition] = true
		if err := q.checkReplicas(a.Replicas, len(t.ReplicaAssignment[0].Replicas)); err != nil {
			return 0, err
		}
	}
	for i := range int32(len(seen)) {
		if !seen[i] {
			return 0, base.Errorf(base.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
	}
	return int32(len(seen)), nil
}

// checkReplicas holds one partition's replicas against Kafka's rules (validateManualPartitionAssignment): some, known,
// none twice, as many as factor.
func (q *query) checkReplicas(replicas []int32, factor int) error {
	if len(replicas) == 0 {
		return base.Errorf(base.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	seen := map[int32]bool{}
	for _, id := range replicas {
		switch {
		case !q.view.Admin.Live(base.Incarnation(id)):
			return base.Errorf(base.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		case seen[id]:
			return base.Errorf(base.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
		seen[id] = true
	}
	if len(replicas) != factor {
		return base.Errorf(base.InvalidReplicaAssignment,
			"The manual partition assignment includes a partition with %d replica(s), but this is not consistent with previous partitions, which have %d replica(s).",
			len(replicas), factor)
	}
	return nil
}

// finish waits for the verdict and answers.
func (c *creation) finish(q *query, r *kmsg.CreateTopicsRequest) kmsg.CreateTopicsResponseTopic {
	if c.verdict != nil {
		v, err := c.verdict.Wait(q.by(r.TimeoutMillis))
		if c.err = err; err == nil {
			c.reply = v.Log
			if c.reply == nil {
				c.err = base.Errorf(v.Kind(), "the agent was not able to write to the journal")
			}
		}
	}
	switch {
	case c.err != nil:
		return topicNotCreated(c.name, c.err)
	case c.reply.Kind != base.OK:
		return topicNotCreated(c.name, base.Errorf(c.reply.Kind, "%s", c.reply.Text))
	}
	a := kmsg.NewCreateTopicsResponseTopic()
	a.Topic, a.TopicID = c.name, c.op.ID
	if !q.allow(DescribeConfigs, Topic, c.name) {
		a.ConfigErrorCode, a.NumPartitions, a.ReplicationFactor, a.Configs = int16(topicAuthorizationFailed), -1, -1, nil
		return a
	}
	a.NumPartitions, a.ReplicationFactor = c.op.Partitions, 1
	for _, d := range config.DescribeTopic(c.op.Configs, q.b.rules().Broker, config.Options{}) {
		a.Configs = append(a.Configs, kmsg.CreateTopicsResponseTopicConfig{
			Name: d.Name, Value: d.Value, ReadOnly: d.ReadOnly, Source: int8(d.Source), IsSensitive: d.Sensitive,
		})
	}
	return a
}

func topicNotCreated(name string, err error) kmsg.CreateTopicsResponseTopic {
	a := kmsg.NewCreateTopicsResponseTopic()
	a.Topic, a.ErrorCode, a.ErrorMessage = name, ofCluster.codeOf(err), textOf(err)
	a.NumPartitions, a.ReplicationFactor, a.Configs = -1, -1, []kmsg.CreateTopicsResponseTopicConfig{}
	return a
}
