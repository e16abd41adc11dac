package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// deleteTopics answers DeleteTopics v1–6, by name and from v6 on also by id (KIP-516).
func deleteTopics(q *query, r *kmsg.DeleteTopicsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.DeleteTopicsResponse)
	list := r.Topics
	for i := range r.TopicNames {
		list = append(list, kmsg.DeleteTopicsRequestTopic{Topic: &r.TopicNames[i]})
	}
	doomed := q.doomed(list)
	if !q.b.rules().values.DeleteTopics {
		for i := range doomed {
			doomed[i].kind, doomed[i].text = deletionDisabled(r.Version), "Topic deletion is disabled."
		}
	}
	for i := range doomed {
		if d := &doomed[i]; d.kind == base.OK {
			d.verdict = q.b.Journal.Propose(&log.DeleteTopic{ID: d.id})
		}
	}
	for i := range doomed {
		response.Topics = append(response.Topics, doomed[i].finish(q, r))
	}
	return response
}

func deletionDisabled(version int16) base.Kind {
	if version < 3 {
		return base.InvalidRequest
	}
	return topicDeletionDisabled
}

// doom is one topic that is to go, or why it is not.
type doom struct {
	name    *string
	id      base.TopicID
	kind    base.Kind
	text    string
	verdict *env.Future[*meta.Verdict]
}

// doomed finds the topics, each once: what is named twice, or by name and by id, is refused, as Kafka's controller does.
func (q *query) doomed(list []kmsg.DeleteTopicsRequestTopic) []doom {
	err := q.certainly(func(v meta.View) (missing bool) {
		for _, t := range list {
			if _, ok := findDoomed(v, t); !ok {
				missing = true
			}
		}
		return missing
	})
	names, ids := map[string]int{}, map[base.TopicID]int{}
	for _, t := range list {
		if t.Topic != nil {
			names[*t.Topic]++
		} else {
			ids[t.TopicID]++
		}
	}
	var out []doom
	taken := map[base.TopicID]bool{}
	for _, t := range list {
		d := doom{name: t.Topic, id: t.TopicID}
		switch {
		case t.Topic == nil && d.id.IsZero():
			d.kind, d.text = base.InvalidRequest, "Neither topic name nor id were specified."
		case t.Topic != nil && !d.id.IsZero():
			d.kind, d.text = base.InvalidRequest, "You may not specify both topic name and topic id."
		case t.Topic != nil && names[*t.Topic] > 1:
			if names[*t.Topic] = -names[*t.Topic]; names[*t.Topic] > 0 {
				continue
			}
			d.kind, d.text = base.InvalidRequest, "Duplicate topic name."
		case t.Topic != nil && names[*t.Topic] < 0, t.Topic == nil && ids[d.id] < 0:
			continue // said already
		case t.Topic == nil && ids[d.id] > 1:
			ids[d.id] = -1
			d.kind, d.text = base.InvalidRequest, "Duplicate topic id."
		default:
			q.judgeDoom(&d, t, err, taken)
		}
		out = append(out, d)
	}
	return out
}

func findDoomed(v meta.View, t kmsg.DeleteTopicsRequestTopic) (*log.Topic, bool) {
	if t.Topic != nil {
		return v.Log.TopicByName(*t.Topic)
	}
	return v.Log.TopicByID(t.TopicID)
}

// judgeDoom says whether a topic that is named properly may be deleted. taken has the ids that are to go already.
func (q *query) judgeDoom(d *doom, t kmsg.DeleteTopicsRequestTopic, err error, taken map[base.TopicID]bool) {
	topic, ok := findDoomed(q.view, t)
	switch {
	case d.name != nil && !q.mayDelete(*d.name), ok && !q.mayDelete(topic.Name):
		d.kind = topicAuthorizationFailed
	case err != nil && !ok:
		d.kind, d.text = base.KindOf(err), err.Error()
	case !ok && d.name != nil:
		d.kind, d.text = base.UnknownTopicOrPartition, "This server does not host this topic-partition."
	case !ok:
		d.kind, d.text = base.UnknownTopicID, "This server does not host this topic ID."
	case taken[topic.ID]:
		d.id, d.kind, d.text = topic.ID, base.InvalidRequest, "The provided topic name maps to an ID that was already supplied."
	default:
		d.id, d.name = topic.ID, &topic.Name
		taken[topic.ID] = true
	}
}

func (q *query) mayDelete(topic string) bool {
	return q.allow(Delete, Cluster, clusterName) || q.allow(Delete, Topic, topic)
}

func (d *doom) finish(q *query, r *kmsg.DeleteTopicsRequest) kmsg.DeleteTopicsResponseTopic {
	if d.verdict != nil {
		v, err := d.verdict.Wait(q.by(r.TimeoutMillis))
		switch {
		case err != nil:
			d.kind, d.text = base.KindOf(err), err.Error()
		case v.Kind() != base.OK:
			d.kind, d.text = v.Kind(), v.Text()
		}
	}
	a := kmsg.NewDeleteTopicsResponseTopic()
	a.Topic, a.TopicID, a.ErrorCode = d.name, d.id, ofCluster.code(d.kind)
	if d.text != "" {
		a.ErrorMessage = &d.text
	}
	return a
}
