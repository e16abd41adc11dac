package broker

import "github.com/millrace-io/millrace/internal/base"

// Operation is what a client wants to do; the numbers are those of Kafka's ACLs (AclOperation).
type Operation int8

// The operations.
const (
	Read            Operation = 3
	Write           Operation = 4
	Create          Operation = 5
	Delete          Operation = 6
	Alter           Operation = 7
	Describe        Operation = 8
	DescribeConfigs Operation = 10
	AlterConfigs    Operation = 11
	IdempotentWrite Operation = 12
	clusterAction   Operation = 9
)

var operationNames = [...]string{3: "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE"}

func (o Operation) String() string { return operationNames[o] }

// Resource is what an operation is on; the numbers are those of Kafka's ACLs (ResourceType).
type Resource int8

// The resources.
const (
	Topic   Resource = 2
	Group   Resource = 3
	Cluster Resource = 4
)

var resourceNames = [...]string{2: "TOPIC", "GROUP", "CLUSTER"}

func (r Resource) String() string { return resourceNames[r] }

// clusterName is the name of the one Cluster resource.
const clusterName = "kafka-cluster"

// Client says who asks.
type Client struct {
	ID   string // as the client says
	Host string
}

// AnyName, as the name of a resource, asks whether there is one that the operation is allowed on.
const AnyName = ""

// Authorizer judges what clients may do.
type Authorizer interface {
	Allow(c Client, op Operation, on Resource, name string) bool
}

type allowAll struct{}

func (allowAll) Allow(Client, Operation, Resource, string) bool { return true }

// Kinds that only the broker speaks of.
const (
	leaderNotAvailable         base.Kind = 5
	topicAuthorizationFailed   base.Kind = 29
	groupAuthorizationFailed   base.Kind = 30
	clusterAuthorizationFailed base.Kind = 31
	topicDeletionDisabled      base.Kind = 73
)

// refusals is the error that a refused operation gets, by resource.
var refusals = map[Resource]base.Kind{
	Topic: topicAuthorizationFailed, Group: groupAuthorizationFailed, Cluster: clusterAuthorizationFailed,
}

// allow reports whether the client may do op.
func (q *query) allow(op Operation, on Resource, name string) bool {
	return q.b.config.Allow.Allow(Client{ID: q.header.ClientID, Host: q.c.host}, op, on, name)
}

// check is base.OK, or the error of an operation that is refused.
func (q *query) check(op Operation, on Resource, name string) base.Kind {
	if q.allow(op, on, name) {
		return base.OK
	}
	return refusals[on]
}

// operationsOf lists what can be done to a resource at all.
var operationsOf = map[Resource][]Operation{
	Topic:   {Read, Write, Create, Describe, Delete, Alter, DescribeConfigs, AlterConfigs},
	Group:   {Read, Describe, Delete, DescribeConfigs, AlterConfigs},
	Cluster: {Create, clusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite, Alter, Describe},
}

// noOperations is the bit field of operations that nobody asked for.
const noOperations = -1 << 31

// operations is the bit field of what the client may do to a resource (KIP-430).
func (q *query) operations(on Resource, name string) int32 {
	var bits int32
	for _, op := range operationsOf[on] {
		if q.allow(op, on, name) {
			bits |= 1 << op
		}
	}
	return bits
}
