package broker

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// resource names what settings belong to.
type resource struct {
	kind kmsg.ConfigResourceType
	name string
}

// mayConfig is base.OK, or the error of a client that may not do op to the settings of a resource. Kinds of resources
// that Millrace has no settings of are judged like the cluster.
func (q *query) mayConfig(op Operation, r resource) base.Kind {
	switch r.kind {
	case kmsg.ConfigResourceTypeTopic:
		return q.check(op, Topic, r.name)
	case kmsg.ConfigResourceTypeGroupConfig:
		return q.check(op, Group, r.name)
	}
	return q.check(op, Cluster, clusterName)
}

// checkBroker: settings of a broker are asked of that broker itself; without a name, of any.
func (q *query) checkBroker(name string) error {
	self := q.b.Journal.Self().NodeID()
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case name == "":
		return nil
	case err != nil:
		return base.Errorf(base.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
	case int32(id) != self:
		return base.Errorf(base.InvalidRequest, "Unexpected broker id, expected %d or empty string, but received %s", self, name)
	}
	return nil
}

// findTopic gives a topic by name, or Kafka's error for one that certainly does not exist.
func (q *query) findTopic(name string) (*log.Topic, error) {
	if err := log.ValidTopicName(name); err != nil {
		return nil, err
	}
	var topic *log.Topic
	err := q.certainly(func(v meta.View) bool {
		t, ok := v.Log.TopicByName(name)
		topic = t
		return !ok
	})
	if err == nil && topic == nil {
		err = base.Errorf(base.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	}
	return topic, err
}

// alteration is a change of one resource's settings, by IncrementalAlterConfigs or, with replace, AlterConfigs.
type alteration struct {
	resource
	replace bool
	ops     []config.Op
}

// alter carries an alteration out, or, with validateOnly, says what would become of it.
func (q *query) alter(a alteration, validateOnly bool) error {
	if kind := q.mayConfig(AlterConfigs, a.resource); kind != base.OK {
		return base.Errorf(kind, "Not authorized to alter the configs of this resource.")
	}
	switch a.kind {
	case kmsg.ConfigResourceTypeTopic:
		topic, err := q.findTopic(a.name)
		if err != nil {
			return err
		}
		op := &log.ConfigureTopic{ID: topic.ID, Replace: a.replace, Ops: a.ops}
		if validateOnly {
			_, reply := log.Decide(q.view.Log, op, q.b.Journal.Now(), q.b.rules().Broker)
			return kindError(reply.Kind, reply.Text)
		}
		return verdictError(q.propose(op, 0))
	case kmsg.ConfigResourceTypeBroker:
		if a.name != "" {
			if err := q.checkBroker(a.name); err != nil {
				return err
			}
			return q.refuseOwn(a)
		}
		op := &admin.AlterCluster{Replace: a.replace, Ops: a.ops}
		if validateOnly {
			_, reply := admin.Decide(q.view.Admin, op, q.b.Journal.Self(), q.b.Journal.Now(), q.b.rules().Broker)
			return kindError(reply.Kind, reply.Text)
		}
		return verdictError(q.propose(op, 0))
	}
	return base.Errorf(base.InvalidRequest, "Unknown resource type %d", a.kind)
}

// refuseOwn: what one agent has for itself is in its own settings alone, and cannot be altered through Kafka.
func (q *query) refuseOwn(a alteration) error {
	if len(a.ops) == 0 {
		return nil
	}
	return base.Errorf(base.InvalidRequest,
		"Cannot update these configs dynamically for one broker: an agent's own settings are given at its start. Alter them for the whole cluster, with an empty broker name.")
}

func kindError(k base.Kind, text string) error {
	if k == base.OK {
		return nil
	}
	return base.Errorf(k, "%s", text)
}

// once splits resources into those that stand in a request once; the others get Kafka's error.
func once(list []resource) []bool {
	times := map[resource]int{}
	for _, r := range list {
		times[r]++
	}
	out := make([]bool, len(list))
	for i, r := range list {
		out[i] = times[r] == 1
	}
	return out
}

// alterAll carries out the alterations of a request, each by itself.
func (q *query) alterAll(list []alteration, validateOnly bool) []error {
	names := make([]resource, len(list))
	for i := range list {
		names[i] = list[i].resource
	}
	errs := make([]error, len(list))
	for i, alone := range once(names) {
		if !alone {
			errs[i] = base.Errorf(base.InvalidRequest, "Each resource must appear at most once.")
			continue
		}
		errs[i] = q.alter(list[i], validateOnly)
	}
	return errs
}

// alterConfigs answers AlterConfigs v0–2: what is not named goes back to its default.
func alterConfigs(q *query, r *kmsg.AlterConfigsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.AlterConfigsResponse)
	list := make([]alteration, len(r.Resources))
	for i, x := range r.Resources {
		list[i] = alteration{resource: resource{x.ResourceType, x.ResourceName}, replace: true}
		for _, c := range x.Configs {
			list[i].ops = append(list[i].ops, config.Op{Name: c.Name, Value: c.Value})
		}
	}
	for i, err := range q.alterAll(list, r.ValidateOnly) {
		a := kmsg.NewAlterConfigsResponseResource()
		if a.ResourceType, a.ResourceName = list[i].kind, list[i].name; err != nil {
			a.ErrorCode, a.ErrorMessage = ofCluster.codeOf(err), textOf(err)
		}
		response.Resources = append(response.Resources, a)
	}
	return response
}

// incrementalAlterConfigs answers IncrementalAlterConfigs v0–1 (KIP-339).
func incrementalAlterConfigs(q *query, r *kmsg.IncrementalAlterConfigsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	list := make([]alteration, len(r.Resources))
	for i, x := range r.Resources {
		list[i].resource = resource{x.ResourceType, x.ResourceName}
		for _, c := range x.Configs {
			list[i].ops = append(list[i].ops, config.Op{Name: c.Name, Kind: config.OpKind(c.Op), Value: c.Value})
		}
	}
	for i, err := range q.alterAll(list, r.ValidateOnly) {
		a := kmsg.NewIncrementalAlterConfigsResponseResource()
		if a.ResourceType, a.ResourceName = list[i].kind, list[i].name; err != nil {
			a.ErrorCode, a.ErrorMessage = ofCluster.codeOf(err), textOf(err)
		}
		response.Resources = append(response.Resources, a)
	}
	return response
}
