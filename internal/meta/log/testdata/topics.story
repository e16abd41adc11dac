# A topic is there at once; its name is taken.
create orders partitions=3 retention.ms:1000
----
OK partitions=3
  -> TopicCreated

show orders
----
orders [{retention.ms 1000}]
  0: 0 to 0 epoch 1:
  1: 0 to 0 epoch 1:
  2: 0 to 0 epoch 1:

create orders
----
TOPIC_ALREADY_EXISTS: Topic 'orders' already exists. partitions=3

# Names that differ in '.' and '_' only clash in Kafka's metrics.
create a.b
----
OK partitions=1
  -> TopicCreated

create a_b
----
INVALID_TOPIC_EXCEPTION: Topic 'a_b' collides with existing topic: a.b partitions=0

create a-b
----
OK partitions=1
  -> TopicCreated

# What Kafka refuses.
create ""
----
INVALID_TOPIC_EXCEPTION: the topic name is empty partitions=0

create ..
----
INVALID_TOPIC_EXCEPTION: a topic cannot be named '.' or '..' partitions=0

create a/b
----
INVALID_TOPIC_EXCEPTION: the topic name "a/b" holds characters other than ASCII letters, digits, '.', '_' and '-' partitions=0

create p partitions=0
----
INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value. partitions=0

create p partitions=100001
----
INVALID_PARTITIONS: 100001 partitions are more than the 100000 that a topic may have partitions=0

create p retention.ms:soon
----
INVALID_CONFIG: Invalid value soon for configuration retention.ms: Not a number of type LONG partitions=0

create p no.such:1
----
INVALID_CONFIG: Unknown topic config name: no.such partitions=0

create p retention.ms:5 max.message.bytes:7
----
OK partitions=1
  -> TopicCreated

create q retention.ms:5 retention.ms:7
----
INVALID_REQUEST: the config retention.ms of topic "q" is set twice partitions=0

# More partitions, never fewer.
partitions orders count=3
----
INVALID_PARTITIONS: Topic already has 3 partition(s). partitions=0

partitions orders count=2
----
INVALID_PARTITIONS: The topic orders currently has 3 partition(s); 2 would not be an increase. partitions=0

partitions orders count=4
----
OK partitions=4
  -> PartitionsCreated

partitions nowhere count=4
----
UNKNOWN_TOPIC_ID: no topic has the id ff000000000000000000000000000000 partitions=0

partitions orders count=200000
----
INVALID_PARTITIONS: 200000 partitions are more than the 100000 that a topic may have partitions=0

# Configs: one by one, or all anew.
configure orders retention.bytes:5 retention.ms:
----
OK
  -> TopicConfigured

show orders
----
orders [{retention.bytes 5}]
  0: 0 to 0 epoch 1:
  1: 0 to 0 epoch 1:
  2: 0 to 0 epoch 1:
  3: 0 to 0 epoch 1:

configure orders replace=1 max.message.bytes:9
----
OK
  -> TopicConfigured

show orders
----
orders [{max.message.bytes 9}]
  0: 0 to 0 epoch 1:
  1: 0 to 0 epoch 1:
  2: 0 to 0 epoch 1:
  3: 0 to 0 epoch 1:

configure orders no.such:1
----
INVALID_CONFIG: Unknown topic config name: no.such

configure nowhere retention.ms:1
----
UNKNOWN_TOPIC_ID: no topic has the id ff000000000000000000000000000000

# A deleted topic's id is gone for good; the name may come back with another.
delete orders
----
OK
  -> TopicDeleted

delete orders
----
UNKNOWN_TOPIC_ID: no topic has the id 01000000000000000000000000000000

delete nowhere
----
UNKNOWN_TOPIC_ID: no topic has the id ff000000000000000000000000000000

create orders
----
OK partitions=1
  -> TopicCreated

show orders'
----
no such topic

create a_b partitions=1
----
INVALID_TOPIC_EXCEPTION: Topic 'a_b' collides with existing topic: a.b partitions=0

delete a.b
----
OK
  -> TopicDeleted

create a_b
----
OK partitions=1
  -> TopicCreated
