// Package conformance is the one test suite that every bucket driver passes: Store's contract, by example.
//
// Owns: Run, and Compete for drivers whose store several processes or servers share.
// Does not own: making stores and servers.
package conformance
