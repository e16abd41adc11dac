package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

// describeConfigs answers DescribeConfigs v1–4: topics, this agent, and, with an empty broker name, what was altered for
// the whole cluster.
func describeConfigs(q *query, r *kmsg.DescribeConfigsRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for i := range r.Resources {
		x := &r.Resources[i]
		a := kmsg.NewDescribeConfigsResponseResource()
		a.ResourceType, a.ResourceName = x.ResourceType, x.ResourceName
		list, err := q.describe(r, x)
		if err != nil {
			a.ErrorCode, a.ErrorMessage = ofCluster.codeOf(err), textOf(err)
		}
		for _, d := range list {
			a.Configs = append(a.Configs, described(d))
		}
		response.Resources = append(response.Resources, a)
	}
	return response
}

func (q *query) describe(r *kmsg.DescribeConfigsRequest, x *kmsg.DescribeConfigsRequestResource) ([]config.Described, error) {
	if kind := q.mayConfig(DescribeConfigs, resource{x.ResourceType, x.ResourceName}); kind != base.OK {
		return nil, base.Errorf(kind, "Not authorized to describe the configs of this resource.")
	}
	o := config.Options{Names: x.ConfigNames, Synonyms: r.IncludeSynonyms, Docs: r.IncludeDocumentation}
	broker := q.b.rules().Broker
	switch x.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		topic, err := q.findTopic(x.ResourceName)
		if err != nil {
			return nil, err
		}
		return config.DescribeTopic(topic.Configs, broker, o), nil
	case kmsg.ConfigResourceTypeBroker:
		if x.ResourceName == "" {
			return config.DescribeCluster(broker, o), nil
		}
		if err := q.checkBroker(x.ResourceName); err != nil {
			return nil, err
		}
		return config.DescribeBroker(broker, o), nil
	case kmsg.ConfigResourceTypeBrokerLogger:
		return nil, q.checkLogger(x.ResourceName) // there are no loggers whose levels could be set
	case kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeGroupConfig:
		if x.ResourceName == "" {
			return nil, base.Errorf(base.InvalidRequest, "The name of the resource must not be empty")
		}
		return nil, nil // nothing was ever set
	}
	return nil, base.Errorf(base.InvalidRequest, "Unsupported resource type: %d", x.ResourceType)
}

func (q *query) checkLogger(name string) error {
	if name == "" {
		return base.Errorf(base.InvalidRequest, "Broker id must not be empty")
	}
	return q.checkBroker(name)
}

func described(d config.Described) kmsg.DescribeConfigsResponseResourceConfig {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.Value, c.ReadOnly, c.IsSensitive = d.Name, d.Value, d.ReadOnly, d.Sensitive
	c.Source, c.ConfigType, c.Documentation = kmsg.ConfigSource(d.Source), kmsg.ConfigType(d.Type), d.Doc
	c.IsDefault = d.Source == config.FromDefault
	for _, s := range d.Synonyms {
		c.ConfigSynonyms = append(c.ConfigSynonyms, kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{
			Name: s.Name, Value: s.Value, Source: kmsg.ConfigSource(s.Source)})
	}
	return c
}
