// Package memstore is a bucket in memory: for tests, for the demo and for mem:// URLs.
//
// Owns: Store. Nothing in it waits, so a simulation may call it directly.
// Does not own: delays, failures and lost answers (package fault), sharing one store by name (package open).
package memstore
