// Package wire sends agents what no client sends: garbage, lying lengths, records that break the format, sequences and
// generations out of order.
//
// Owns: bytes over plain TCP and the answers that Apache Kafka gives to them, each expectation checked against it.
// Does not own: what clients send; that is in the other packages of compat/.
//
// Every case is followed by a plain request on a fresh connection: whatever came, the agent still serves.
package wire
