// Package config is every setting of Kafka that a client or a tool can ask for or change: which there are, what values
// they take, what they are worth for one topic, and how they are described.
//
// Owns: the literal tables of topic and broker settings (names, types and defaults of Apache Kafka 4.4), parsing and
// validation with Kafka's error texts, the operations of AlterConfigs and IncrementalAlterConfigs, the answer of
// DescribeConfigs, and the typed values that the engine acts on (Values, BrokerValues).
// Does not own: where settings are stored, who may change them, the wire format, or what a setting does.
//
// A setting's value comes from the first of these layers that has it, for each of its names in turn:
//
//	topic            altered on the topic          DYNAMIC_TOPIC_CONFIG
//	broker, dynamic  altered for the whole cluster DYNAMIC_DEFAULT_BROKER_CONFIG
//	broker, static   the agent's own settings      STATIC_BROKER_CONFIG
//	default          the table                     DEFAULT_CONFIG
//
// Sets of settings are []KV, sorted by name, each name once: they are stored and compared as they are. Everything here
// is a pure function of its arguments.
//
// Sets and operations are stored as (numbers are unsigned varints, strings a length and their bytes):
//
//	set         | count | name value | name value | ...
//	operations  | count | kind (1 byte) name has-value (1 byte) [value] | ...
//
// Millrace keeps every byte in a bucket, so settings about disks, replicas and tiering are validated, kept and
// described like in Kafka but change nothing; their documentation says so.
package config
