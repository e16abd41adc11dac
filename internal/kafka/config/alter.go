package config

import (
	"slices"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
)

// OpKind is what an IncrementalAlterConfigs entry does; the numbers are the protocol's (KIP-339).
type OpKind int8

// The operations. Append and Subtract are for lists only.
const (
	Set      OpKind = 0
	Delete   OpKind = 1
	Append   OpKind = 2
	Subtract OpKind = 3
)

// Op changes one setting. A nil Value is the protocol's null, which only Delete takes.
type Op struct {
	Name  string
	Kind  OpKind
	Value *string
}

// ApplyTopic works out a topic's set after the operations and validates it whole. Nothing is changed on an error:
// InvalidRequest for a malformed list of operations, InvalidConfig for a bad setting.
func ApplyTopic(current []KV, ops []Op, b Broker) ([]KV, error) {
	next, err := apply(current, ops, topicListOp)
	if err != nil {
		return nil, err
	}
	return valid(next, ValidateTopic(current, next, b))
}

// ApplyBroker is ApplyTopic for the cluster-wide broker settings; b holds the agent's own. A setting that is not
// Dynamic is InvalidRequest.
func ApplyBroker(current []KV, ops []Op, b Broker) ([]KV, error) {
	next, err := apply(current, ops, brokerListOp)
	if err != nil {
		return nil, err
	}
	return valid(next, ValidateBroker(next, b))
}

// ReplaceTopic is the older AlterConfigs: the given settings become the whole set, all others go.
func ReplaceTopic(current []KV, ops []Op, b Broker) ([]KV, error) {
	next, err := apply(nil, asSets(ops), topicListOp)
	if err != nil {
		return nil, err
	}
	return valid(next, ValidateTopic(current, next, b))
}

// ReplaceBroker is ReplaceTopic for the cluster-wide broker settings.
func ReplaceBroker(ops []Op, b Broker) ([]KV, error) {
	next, err := apply(nil, asSets(ops), brokerListOp)
	if err != nil {
		return nil, err
	}
	return valid(next, ValidateBroker(next, b))
}

func valid(next []KV, err error) ([]KV, error) {
	if err != nil {
		return nil, err
	}
	return next, nil
}

// asSets drops the kinds, which AlterConfigs does not have.
func asSets(ops []Op) []Op {
	sets := make([]Op, len(ops))
	for i, op := range ops {
		sets[i] = Op{Name: op.Name, Kind: Set, Value: op.Value}
	}
	return sets
}

func apply(current []KV, ops []Op, listOp func([]KV, Op) (string, error)) ([]KV, error) {
	if err := checkOps(ops); err != nil {
		return nil, err
	}
	next := slices.Clone(current)
	for _, op := range ops {
		switch op.Kind {
		case Set:
			next = with(next, op.Name, *op.Value)
		case Delete:
			next = without(next, op.Name)
		default:
			value, err := listOp(current, op)
			if err != nil {
				return nil, err
			}
			next = with(next, op.Name, value)
		}
	}
	return next, checkSizes(current, next)
}

// checkOps refuses what is wrong with the request whatever the settings mean.
func checkOps(ops []Op) error {
	seen := make(map[string]bool, len(ops))
	var nulls []string
	for _, op := range ops {
		if seen[op.Name] {
			return base.Errorf(base.InvalidRequest, "Error due to duplicate config keys")
		}
		seen[op.Name] = true
		if op.Value == nil && op.Kind != Delete {
			nulls = append(nulls, op.Name)
		}
	}
	if len(nulls) > 0 {
		return base.Errorf(base.InvalidRequest, "Null value not supported for : %s", strings.Join(nulls, ", "))
	}
	for _, op := range ops {
		if op.Kind < Set || op.Kind > Subtract {
			return base.Errorf(base.InvalidRequest, "Unknown operations type %d", op.Kind)
		}
	}
	return nil
}

func checkSizes(current, next []KV) error {
	for _, kv := range next {
		if old, had := find(current, kv.Name); len(kv.Value) > maxValueBytes && (!had || old != kv.Value) {
			return base.Errorf(base.InvalidConfig,
				"The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", maxValueBytes)
		}
	}
	return nil
}

// topicListOp appends to or subtracts from a topic's list. Unset, the list starts from the table's default: Kafka's
// controller does not look at the broker-wide value here.
func topicListOp(current []KV, op Op) (string, error) {
	d, ok := Topic.Lookup(op.Name)
	if !ok || d.Type != List {
		return "", base.Errorf(base.InvalidConfig, "Can't %s to key %s because its type is not LIST.", op.Kind, op.Name)
	}
	return changeList(current, d, op), nil
}

// brokerListOp differs from topicListOp in its texts only.
func brokerListOp(current []KV, op Op) (string, error) {
	d, ok := BrokerTable.Lookup(op.Name)
	if !ok {
		return "", unknownName(BrokerTable, op.Name)
	}
	if d.Type != List {
		return "", base.Errorf(base.InvalidConfig, "Config value %s is not allowed for config key: %s",
			strings.ToLower(op.Kind.String()), op.Name)
	}
	return changeList(current, d, op), nil
}

func changeList(current []KV, d Def, op Op) string {
	text, ok := find(current, op.Name)
	if !ok {
		text = d.Default
	}
	old := slices.DeleteFunc(strings.Split(text, ","), func(e string) bool { return e == "" })
	for _, e := range javaSplit(*op.Value) {
		i := slices.Index(old, e)
		switch {
		case op.Kind == Append && i < 0:
			old = append(old, e)
		case op.Kind == Subtract && i >= 0:
			old = slices.Delete(old, i, i+1)
		}
	}
	return strings.Join(old, ",")
}

// javaSplit is Java's split(","): empty strings at the end are dropped, but nothing splits into one empty string.
func javaSplit(s string) []string {
	parts := strings.Split(s, ",")
	for len(parts) > 0 && s != "" && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// String gives the operation's name as error texts show it.
func (k OpKind) String() string { return [...]string{"SET", "DELETE", "APPEND", "SUBTRACT"}[k&3] }
