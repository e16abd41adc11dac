// Package native drives agents with clients that are not Java and not Go: kcat on Debian's old librdkafka,
// confluent-kafka for Python on the newest, and kafka-python.
//
// Owns: kcat's command lines; the Python cases are in tools/python.
package native
