// Package hedge sends a request a second time when its answer is late, and takes the answer that comes first: one request in
// a hundred takes several times as long as most do, and two of them seldom do at once.
//
// # When
//
// GetRange, Put and PutIfAbsent are hedged once no answer came within the time that nearly all requests of that operation
// and size took lately. Where that is not known, because there were few such requests in the last minute, nothing is
// hedged: an idle agent asks for nothing twice. Hedges are a twentieth of all requests that may be hedged in the long run, and at
// most inFlightMax at a time; a request that is twice as late when nothing is left of that gets its hedge on credit. A store that
// throttles gets none for a while.
//
// # Which answer counts
//
// A success of either is the success of both: it is the same request. What answers a read for good (not found) counts as a
// success does. PutIfAbsent passes on Exists as soon as one says so, as the other may never answer: it may be the other's own
// doing, so whoever creates conditionally looks what is there, as without hedging. Else the answers of both are awaited, and
// the worse is passed on: if one of them may have happened, the answer is Ambiguous.
//
// The request that was slower is cancelled. It may happen all the same, at any time, as a request that timed out may. A body
// must not change after the call, as it may still be on its way.
//
// # Memory
//
// A hedged write sends the caller's body twice. A hedged read may bring two bodies, of which the caller knows one: room for the
// other is taken out of a budget before the hedge is sent, for all the bytes that are asked for, and given back when both have ended:
// the slower one may still be reading when the faster one is answered. A read for which there is no room, or of which nobody knows how
// long it is, is not hedged. So hedges take bodiesMax bytes at most, however many wait: eight of 8 MiB would be a sixth of an agent's
// memory by default.
//
// Delete, Head and List are passed on as they are. So is everything where the store is one disk (objstore.Info.OneDisk):
// asking it twice makes both slower.
//
// Owns: Store, its bounds, Stats.
// Does not own: repetition after failures (package retry, above it), the count of requests (package meter, below it, so that
// hedges are counted).
package hedge
