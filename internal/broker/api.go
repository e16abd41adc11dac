package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// API keys that code refers to; the others stand in the table alone.
const keyApiVersions = 18

// api is one row of the table of what is served.
type api struct {
	key      int16
	min, max int16
	// handle answers a request of a version from min to max.
	handle func(q *query, request kmsg.Request) answer
	// needs says which permissions are asked for, as in Kafka's ACL documentation.
	needs []need
	// pipelined: the next request is taken up before this one is answered.
	pipelined bool
	// shown is the lowest version that ApiVersions names, where that is below min: requests in between go to unsupported,
	// which for ApiVersions has to do with those above max as well. nil: the connection is closed, as Kafka does.
	shown       int16
	unsupported func(q *query, request kmsg.Request) answer
	// notes tell people how this differs from Apache Kafka, for docs/KAFKA.md.
	notes string
}

type need struct {
	op Operation
	on Resource
}

// on adapts a handler of one kind of request to the table.
func on[R kmsg.Request](h func(q *query, r R) kmsg.Response) func(*query, kmsg.Request) answer {
	return func(q *query, r kmsg.Request) answer { return answer{response: h(q, r.(R))} }
}

//go:generate go test -run TestKafkaDoc -update .

// apis is the table: ApiVersions, docs/KAFKA.md and the tests derive from it. It is filled by init because handlers
// look into it.
var apis []api

func init() {
	apis = []api{
		{key: 0, min: 3, max: 13, shown: 0, handle: produce, unsupported: produceTooOld, pipelined: true,
			needs: []need{{Write, Topic}},
			notes: "Advertised from 0 for old librdkafka; versions 0–2 get UNSUPPORTED_VERSION, as in Kafka 4. Always durable before the answer: acks 1 and -1 are alike. Batches stay compressed as they were sent, whatever compression.type says. Transactional batches are refused."},
		{key: 1, min: 4, max: 18, shown: 4, handle: fetchRecords,
			needs: []need{{Read, Topic}},
			notes: "Sessions (KIP-227) are kept by each agent. No preferred replicas: any agent serves any partition."},
		{key: 2, min: 1, max: 11, shown: 1, handle: on(listOffsets),
			needs: []need{{Describe, Topic}},
			notes: "There is no tier below the bucket: earliest local (-4) is the earliest offset, latest tiered (-5) is -1, earliest pending upload (-6) is -1."},
		{key: 3, min: 0, max: 13, shown: 0, handle: on(metadata),
			needs: []need{{Describe, Topic}, {Create, Cluster}, {Create, Topic}},
			notes: "Brokers are the live agents of this agent's group, those of the client's zone first (client.id millrace_az=…). Each partition has one replica, the agent that its clients are sent to. An auto-created topic is usable in the same answer."},
		{key: 8, min: 2, max: 10, shown: 2, handle: offsetCommit,
			needs: []need{{Read, Group}, {Read, Topic}},
			notes: "After COORDINATOR_NOT_AVAILABLE, for any partition, the connection is closed: a later commit that was sent there already is not taken, as the client's repeat would undo it."},
		{key: 9, min: 1, max: 10, shown: 1, handle: on(offsetFetch),
			needs: []need{{Describe, Group}, {Describe, Topic}},
			notes: "There are no transactions, so require_stable is always met."},
		{key: 10, min: 0, max: 6, shown: 0, handle: on(findCoordinator),
			needs: []need{{Describe, Group}},
			notes: "Names the agent that tends the group, though any agent serves any group. Transactional ids get TRANSACTIONAL_ID_AUTHORIZATION_FAILED with a message, which no client retries."},
		{key: 11, min: 0, max: 9, shown: 0, handle: on(joinGroup), needs: []need{{Read, Group}}},
		{key: 12, min: 0, max: 4, shown: 0, handle: on(heartbeat), needs: []need{{Read, Group}}},
		{key: 13, min: 0, max: 5, shown: 0, handle: on(leaveGroup), needs: []need{{Read, Group}}},
		{key: 14, min: 0, max: 5, shown: 0, handle: on(syncGroup), needs: []need{{Read, Group}}},
		{key: 15, min: 0, max: 6, shown: 0, handle: on(describeGroups), needs: []need{{Describe, Group}}},
		{key: 16, min: 0, max: 5, shown: 0, handle: on(listGroups),
			needs: []need{{Describe, Cluster}, {Describe, Group}},
			notes: "Any agent lists the groups of the whole cluster, so tools that ask every broker see each group once for every agent, and merge them."},
		{key: keyApiVersions, min: 0, max: 5, shown: 0, handle: on(apiVersions), unsupported: apiVersionsUnknown,
			notes: "No feature is finalized: no transaction.version, no group.version."},
		{key: 19, min: 2, max: 7, shown: 2, handle: on(createTopics),
			needs: []need{{Create, Cluster}, {Create, Topic}, {DescribeConfigs, Topic}},
			notes: "Any replication factor is accepted, and is 1 afterwards: durability is the bucket's. Manual assignments are checked and give the number of partitions; where partitions live is not theirs to say."},
		{key: 20, min: 1, max: 6, shown: 1, handle: on(deleteTopics), needs: []need{{Delete, Topic}}},
		{key: 21, min: 0, max: 2, shown: 0, handle: on(deleteRecords), needs: []need{{Delete, Topic}}},
		{key: 22, min: 0, max: 5, shown: 0, handle: on(initProducerID),
			needs: []need{{IdempotentWrite, Cluster}, {Write, Topic}},
			notes: "Idempotent producers only. A transactional id gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which no client retries."},
		{key: 23, min: 2, max: 4, shown: 2, handle: on(offsetForLeaderEpoch),
			needs: []need{{Describe, Topic}},
			notes: "A partition's leader epoch is 1 for its life: no change of agents raises it."},
		{key: 32, min: 1, max: 4, shown: 1, handle: on(describeConfigs),
			needs: []need{{DescribeConfigs, Topic}, {DescribeConfigs, Cluster}},
			notes: "Topics, this agent, and the cluster-wide broker settings (empty name). Loggers, groups and client metrics have no settings: the answer is empty."},
		{key: 33, min: 0, max: 2, shown: 0, handle: on(alterConfigs),
			needs: []need{{AlterConfigs, Topic}, {AlterConfigs, Cluster}},
			notes: "Topics and cluster-wide broker settings. An agent's own settings are given at its start."},
		{key: 37, min: 0, max: 3, shown: 0, handle: on(createPartitions), needs: []need{{Alter, Topic}}},
		{key: 42, min: 0, max: 3, shown: 0, handle: on(deleteGroups), needs: []need{{Delete, Group}}},
		{key: 44, min: 0, max: 1, shown: 0, handle: on(incrementalAlterConfigs),
			needs: []need{{AlterConfigs, Topic}, {AlterConfigs, Cluster}},
			notes: "As AlterConfigs."},
		{key: 47, min: 0, max: 0, shown: 0, handle: on(offsetDelete), needs: []need{{Delete, Group}, {Read, Topic}}},
		{key: 60, min: 0, max: 2, shown: 0, handle: on(describeCluster),
			needs: []need{{Describe, Cluster}},
			notes: "Brokers as in Metadata. No agent is ever fenced: an expired one is gone."},
		{key: 75, min: 0, max: 0, shown: 0, handle: on(describeTopicPartitions), needs: []need{{Describe, Topic}}},
	}
}

// apiFor gives a key's row, or nil.
func apiFor(key int16) *api {
	for i := range apis {
		if apis[i].key == key {
			return &apis[i]
		}
	}
	return nil
}
