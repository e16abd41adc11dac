// Package franz drives agents with franz-go, the client that speaks the newest version of nearly every request.
//
// Owns: produce, consume, groups and the admin APIs with their edge cases, as kgo and kadm send them.
// Does not own: bytes that no client sends; those are in compat/wire.
package franz
