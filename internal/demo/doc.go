// Package demo is a sample producer and a sample consumer over the Kafka protocol, with a live line of what flows.
//
// Owns: the load of `millrace demo` and how it is told.
// Does not own: the agent it runs against: it knows a bootstrap address and a function that counts the bucket's objects.
//
// Like package cli it stands on the client's side: it may use goroutines and the clock.
package demo
