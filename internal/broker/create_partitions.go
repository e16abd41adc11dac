package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// createPartitions answers CreatePartitions v0–3 (KIP-195).
func createPartitions(q *query, r *kmsg.CreatePartitionsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.CreatePartitionsResponse)
	once, repeated := uniqueNames(r.Topics, func(t *kmsg.CreatePartitionsRequestTopic) string { return t.Topic })
	answer := func(name string, err error) {
		a := kmsg.NewCreatePartitionsResponseTopic()
		if a.Topic = name; err != nil {
			a.ErrorCode, a.ErrorMessage = ofCluster.codeOf(err), textOf(err)
		}
		response.Topics = append(response.Topics, a)
	}
	for _, name := range repeated {
		answer(name, base.Errorf(base.InvalidRequest, "Duplicate topic name."))
	}
	lookup := q.certainly(func(v meta.View) (missing bool) {
		for _, t := range once {
			topic, ok := v.Log.TopicByName(t.Topic)
			missing = missing || !ok || t.Count <= topic.Partitions
		}
		return missing
	})
	for _, t := range once {
		err := lookup
		if err == nil {
			err = q.addPartitions(r, t)
		}
		answer(t.Topic, err)
	}
	return response
}

func (q *query) addPartitions(r *kmsg.CreatePartitionsRequest, t *kmsg.CreatePartitionsRequestTopic) error {
	if !q.allow(Alter, Topic, t.Topic) {
		return base.Errorf(topicAuthorizationFailed, "Topic authorization failed.")
	}
	topic, ok := q.view.Log.TopicByName(t.Topic)
	if !ok {
		return base.Errorf(base.UnknownTopicOrPartition, "This server does not host this topic-partition.")
	}
	op := &log.CreatePartitions{ID: topic.ID, Count: t.Count}
	// By the view first: Kafka looks at the count before it looks at the assignment, and validate_only wants no more.
	if _, reply := log.Decide(q.view.Log, op, q.b.Journal.Now(), q.b.rules().Broker); reply.Kind != base.OK {
		return base.Errorf(reply.Kind, "%s", reply.Text)
	}
	if err := q.checkAssignments(t, int(t.Count-topic.Partitions)); err != nil || r.ValidateOnly {
		return err
	}
	v, err := q.propose(op, r.TimeoutMillis)
	return verdictError(v, err)
}

// verdictError is why a command was not carried out, or nil.
func verdictError(v *meta.Verdict, err error) error {
	if err == nil && v.Kind() != base.OK {
		return base.Errorf(v.Kind(), "%s", v.Text())
	}
	return err
}

// checkAssignments holds a manual assignment of the added partitions against Kafka's rules. Topics have one replica.
func (q *query) checkAssignments(t *kmsg.CreatePartitionsRequestTopic, added int) error {
	if t.Assignment == nil {
		return nil
	}
	if len(t.Assignment) != added {
		return base.Errorf(base.InvalidReplicaAssignment,
			"Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", added, len(t.Assignment))
	}
	for _, a := range t.Assignment {
		// A topic that was made with more replicas is asked to grow with as many: any number will do.
		if err := q.checkReplicas(a.Replicas, len(a.Replicas)); err != nil {
			return err
		}
	}
	return nil
}
