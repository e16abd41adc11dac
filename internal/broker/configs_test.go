package broker

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

func describeRequest(kind kmsg.ConfigResourceType, name string, keys ...string) *kmsg.DescribeConfigsRequest {
	r := kmsg.NewPtrDescribeConfigsRequest()
	r.IncludeSynonyms, r.IncludeDocumentation = true, true
	r.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: keys}}
	return r
}

// describedAs is one setting as clients see it: value and where it comes from.
func describedAs(t *testing.T, c *client, version int16, r *kmsg.DescribeConfigsRequest) (string, int16) {
	t.Helper()
	a := ask[*kmsg.DescribeConfigsResponse](c, version, r).Resources[0]
	if len(a.Configs) != 1 {
		return fmt.Sprintf("%d settings", len(a.Configs)), a.ErrorCode
	}
	return fmt.Sprintf("%s from %d", *a.Configs[0].Value, a.Configs[0].Source), a.ErrorCode
}

func TestDescribeConfigs(t *testing.T) {
	b := newBed(t, func(_ *Config, _ *Deps, c *controlConfig) {
		c.Static = map[string]string{"log.retention.ms": "3600000"}
	})
	b.topic("orders", "cleanup.policy", "compact")
	self := fmt.Sprint(b.control.Self())
	topic, broker := kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	for _, c := range []struct {
		kind kmsg.ConfigResourceType
		name string
		key  string
		want string
		code base.Kind
	}{
		{topic, "orders", "cleanup.policy", "compact from 1", base.OK},
		{topic, "orders", "retention.ms", "3600000 from 4", base.OK},
		{topic, "orders", "max.message.bytes", "1048588 from 5", base.OK},
		{topic, "none", "retention.ms", "0 settings", base.UnknownTopicOrPartition},
		{topic, "no name", "retention.ms", "0 settings", base.InvalidTopicException},
		{broker, self, "log.retention.ms", "3600000 from 4", base.OK},
		{broker, "", "log.retention.hours", "0 settings", base.OK},
		{broker, "99", "log.retention.hours", "0 settings", base.InvalidRequest},
		{broker, "x", "log.retention.hours", "0 settings", base.InvalidRequest},
		{kmsg.ConfigResourceTypeBrokerLogger, self, "root", "0 settings", base.OK},
		{kmsg.ConfigResourceTypeBrokerLogger, "", "root", "0 settings", base.InvalidRequest},
		{kmsg.ConfigResourceType(77), "x", "y", "0 settings", base.InvalidRequest},
	} {
		for v := int16(1); v <= 4; v++ {
			got, code := describedAs(t, b.client, v, describeRequest(c.kind, c.name, c.key))
			if got != c.want || code != int16(c.code) {
				t.Errorf("v%d %v %q %s: %s, error %d; want %s, error %d", v, c.kind, c.name, c.key, got, code, c.want, c.code)
			}
		}
	}
	all := ask[*kmsg.DescribeConfigsResponse](b.client, 4, describeRequest(topic, "orders")).Resources[0].Configs
	if len(all) < 30 || all[0].Documentation == nil || len(all[0].ConfigSynonyms) == 0 {
		t.Errorf("%d settings, the first is %+v", len(all), all[0])
	}
}

func incrementalRequest(kind kmsg.ConfigResourceType, name, key string, op kmsg.IncrementalAlterConfigOp, value *string) *kmsg.IncrementalAlterConfigsRequest {
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kind, ResourceName: name,
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Op: op, Value: value}}}}
	return r
}

func TestIncrementalAlterConfigs(t *testing.T) {
	b := newBed(t)
	b.topic("orders")
	self := fmt.Sprint(b.control.Self())
	topic, broker, compact, seven, bad := kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, "compact", "7", "x"
	const set, del, app = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete, kmsg.IncrementalAlterConfigOpAppend
	for _, c := range []struct {
		name  string
		r     *kmsg.IncrementalAlterConfigsRequest
		want  base.Kind
		after string // cleanup.policy of the topic, then retention.ms
	}{
		{"append", incrementalRequest(topic, "orders", "cleanup.policy", app, &compact), base.OK, "delete,compact from 1, 604800000 from 5"},
		{"set", incrementalRequest(topic, "orders", "retention.ms", set, &seven), base.OK, "delete,compact from 1, 7 from 1"},
		{"delete", incrementalRequest(topic, "orders", "cleanup.policy", del, nil), base.OK, "delete from 5, 7 from 1"},
		{"a bad value", incrementalRequest(topic, "orders", "retention.ms", set, &bad), base.InvalidConfig, "delete from 5, 7 from 1"},
		{"a null", incrementalRequest(topic, "orders", "retention.ms", set, nil), base.InvalidRequest, "delete from 5, 7 from 1"},
		{"an unknown setting", incrementalRequest(topic, "orders", "no.such", set, &seven), base.InvalidConfig, "delete from 5, 7 from 1"},
		{"an unknown topic", incrementalRequest(topic, "none", "retention.ms", set, &seven), base.UnknownTopicOrPartition, "delete from 5, 7 from 1"},
		{"an unknown kind", incrementalRequest(77, "orders", "retention.ms", set, &seven), base.InvalidRequest, "delete from 5, 7 from 1"},
		{"one broker", incrementalRequest(broker, self, "log.retention.ms", set, &seven), base.InvalidRequest, "delete from 5, 7 from 1"},
		{"another broker", incrementalRequest(broker, "99", "log.retention.ms", set, &seven), base.InvalidRequest, "delete from 5, 7 from 1"},
		{"the cluster", incrementalRequest(broker, "", "log.cleanup.policy", set, &compact), base.OK, "compact from 3, 7 from 1"},
		{"a fixed setting", incrementalRequest(broker, "", "listeners", set, &bad), base.InvalidRequest, "compact from 3, 7 from 1"},
	} {
		for v := int16(0); v <= 1; v++ {
			c.r.ValidateOnly = v == 0 // first only tried: nothing may come of it
			before, _ := describedAs(t, b.client, 4, describeRequest(topic, "orders", "cleanup.policy"))
			a := ask[*kmsg.IncrementalAlterConfigsResponse](b.client, v, c.r).Resources[0]
			policy, _ := describedAs(t, b.client, 4, describeRequest(topic, "orders", "cleanup.policy"))
			retention, _ := describedAs(t, b.client, 4, describeRequest(topic, "orders", "retention.ms"))
			if a.ErrorCode != int16(c.want) || (a.ErrorCode != 0) != (a.ErrorMessage != nil) {
				t.Errorf("%s: error %d, want %d", c.name, a.ErrorCode, c.want)
			}
			if v == 0 && policy != before {
				t.Errorf("%s: tried only, but now %s", c.name, policy)
			}
			if got := policy + ", " + retention; v == 1 && got != c.after {
				t.Errorf("%s: %s, want %s", c.name, got, c.after)
			}
		}
	}
	r := incrementalRequest(topic, "orders", "retention.ms", set, &seven)
	r.Resources = append(r.Resources, r.Resources[0])
	for _, a := range ask[*kmsg.IncrementalAlterConfigsResponse](b.client, 1, r).Resources {
		if a.ErrorCode != int16(base.InvalidRequest) {
			t.Errorf("a resource that is there twice: %+v", a)
		}
	}
}

// AlterConfigs sets the rest back.
func TestAlterConfigs(t *testing.T) {
	b := newBed(t)
	b.topic("orders", "cleanup.policy", "compact")
	value := "7"
	for v := int16(0); v <= 2; v++ {
		r := kmsg.NewPtrAlterConfigsRequest()
		r.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "orders",
			Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &value}}}}
		if a := ask[*kmsg.AlterConfigsResponse](b.client, v, r).Resources[0]; a.ErrorCode != 0 {
			t.Fatalf("v%d: %+v", v, a)
		}
		policy, _ := describedAs(t, b.client, 4, describeRequest(kmsg.ConfigResourceTypeTopic, "orders", "cleanup.policy"))
		retention, _ := describedAs(t, b.client, 4, describeRequest(kmsg.ConfigResourceTypeTopic, "orders", "retention.ms"))
		if policy != "delete from 5" || retention != "7 from 1" {
			t.Errorf("v%d: %s, %s", v, policy, retention)
		}
	}
}
