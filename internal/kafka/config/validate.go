package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

// maxValueBytes is how long a value may be: Kafka 4.4's controller refuses longer ones.
const maxValueBytes = 32767

// ValidateTopic checks a topic's whole set as it would be stored: names, values, and values against each other and
// against the broker-wide ones. before is the set it replaces, nil for a new topic. Errors are InvalidConfig.
func ValidateTopic(before, after []KV, b Broker) error {
	for _, kv := range after {
		if _, ok := Topic.Lookup(kv.Name); !ok {
			return unknownName(Topic, kv.Name)
		}
	}
	for _, kv := range after {
		if _, err := Topic.Parse(kv.Name, kv.Value); err != nil {
			return err
		}
	}
	r := resolver{after, b}
	if err := r.checkLags(); err != nil {
		return err
	}
	if r.value("remote.storage.enable").Bool() {
		return r.checkTiering()
	}
	return r.checkTieringOff(before)
}

func (r resolver) long(name string) int64 { return r.value(name).Int() }

func (r resolver) checkLags() error {
	low, high := r.long("min.compaction.lag.ms"), r.long("max.compaction.lag.ms")
	if low <= high {
		return nil
	}
	return base.Errorf(base.InvalidConfig,
		"conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", low, high)
}

// checkTiering holds for a topic with tiered storage (KIP-405, KIP-950), which remote.log.storage.system.enable must allow.
func (r resolver) checkTiering() error {
	if on, _ := r.broker.value("remote.log.storage.system.enable"); !on.Bool() {
		return base.Errorf(base.InvalidConfig,
			"Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	if p := r.value("cleanup.policy").String(); p != "" && p != "delete" {
		return base.Errorf(base.InvalidConfig,
			"Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty list.")
	}
	if err := r.checkLocal("", "bytes", "ms"); err != nil {
		return err
	}
	if err := r.checkCopyDisabled("bytes"); err != nil {
		return err
	}
	return r.checkCopyDisabled("ms")
}

// checkLocal bounds what a tiered log keeps locally by what it keeps at all, and the copy lag by that. The settings
// named in errors bear prefix: "" for a topic's, "log." for a broker's.
func (r resolver) checkLocal(prefix string, units ...string) error {
	for _, unit := range units {
		if err := r.checkLocalRetention(prefix, unit); err != nil {
			return err
		}
	}
	for _, unit := range units {
		if err := r.checkCopyLag(prefix, unit); err != nil {
			return err
		}
	}
	return nil
}

// followsRetention, as a local retention, stands for the topic's own retention.
const followsRetention = -2

func (r resolver) checkLocalRetention(prefix, unit string) error {
	all, local := r.long("retention."+unit), r.long("local.retention."+unit)
	why := ""
	switch {
	case all < 0 || local == followsRetention:
		return nil
	case local == -1:
		why = fmt.Sprintf("Value must not be -1 as %sretention.%s value is set as %d.", prefix, unit, all)
	case local > all:
		why = fmt.Sprintf("Value must not be more than %sretention.%s property value: %d", prefix, unit, all)
	default:
		return nil
	}
	return invalid(prefix+"local.retention."+unit, strconv.FormatInt(local, 10), why)
}

func (r resolver) checkCopyLag(prefix, unit string) error {
	lag, local := r.long("remote.copy.lag."+unit), r.long("local.retention."+unit)
	if local == followsRetention {
		local = r.long("retention." + unit)
	}
	if lag <= 0 || local < 0 || lag <= local {
		return nil
	}
	return invalid(prefix+"remote.copy.lag."+unit, strconv.FormatInt(lag, 10),
		fmt.Sprintf("Value must not exceed %slocal.retention.%s (effective value: %d)", prefix, unit, local))
}

func (r resolver) checkCopyDisabled(unit string) error {
	all, local := r.long("retention."+unit), r.long("local.retention."+unit)
	if !r.value("remote.log.copy.disable").Bool() || local == followsRetention || local == all {
		return nil
	}
	return base.Errorf(base.InvalidConfig, "When `remote.log.copy.disable` is set to true, the `local.retention.%s` and `retention.%s` "+
		"must be set to the identical value because there will be no more logs copied to the remote storage.", unit, unit)
}

func (r resolver) checkTieringOff(before []KV) error {
	was, _ := find(before, "remote.storage.enable")
	if !strings.EqualFold(was, "true") || r.value("remote.log.delete.on.disable").Bool() {
		return nil
	}
	return base.Errorf(base.InvalidConfig, "It is invalid to disable remote storage without deleting remote data. "+
		"If you want to keep the remote data and turn to read only, please set `remote.storage.enable=true,remote.log.copy.disable=true`. "+
		"If you want to disable remote storage and delete all remote data, please set `remote.storage.enable=false,remote.log.delete.on.disable=true`.")
}

// ValidateBroker checks what is to be the cluster-wide layer over the agent's own settings in b. A bad one is
// InvalidRequest, which is what Kafka's broker makes of every failure here.
func ValidateBroker(dynamic []KV, b Broker) error {
	var fixed []string
	for _, kv := range dynamic {
		if d, known := BrokerTable.Lookup(kv.Name); !known || !d.Dynamic {
			fixed = append(fixed, kv.Name)
		}
	}
	if len(fixed) > 0 {
		return base.Errorf(base.InvalidRequest, "Cannot update these configs dynamically: [%s]", strings.Join(fixed, ", "))
	}
	for _, kv := range dynamic {
		d, _ := BrokerTable.Lookup(kv.Name)
		if _, err := d.parseStrict(kv.Value); err != nil {
			return asRequest(err)
		}
	}
	next := layered(b.static, dynamic)
	if err := checkBrokerWhole(next); err != nil {
		return asRequest(err)
	}
	return asRequest(resolver{broker: next}.checkLocal("log.", "ms", "bytes"))
}

func asRequest(err error) error {
	if err == nil {
		return nil
	}
	return base.Errorf(base.InvalidRequest, "%w", err)
}
