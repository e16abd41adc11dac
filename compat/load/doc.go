// Package load puts real clients of three languages to work on one topic, and gives the verdict over what they were told.
//
// franz-go runs in the test's own process, Apache Kafka's Java client (tools/java/LoadClient.java) and confluent-kafka for
// Python (tools/python/load.py) in theirs. All have their default settings, and idempotent producers. There are producers
// of numbered records, readers of fixed partitions, members of one group for each language, and restless members, who
// leave and come back as new ones, so that groups rebalance.
//
// Owns: the clients; the end of a load: flush, the final read by kcat, the wait for every reader.
// Does not own: what the verdict is (compat/history); what happens to the agents meanwhile.
package load
