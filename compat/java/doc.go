// Package java drives agents with Apache Kafka's own client and its own command-line tools.
//
// Owns: the tools, as a person calls them, and tools/java/ClientSuite.java, which drives the client.
package java
