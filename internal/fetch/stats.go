package fetch

import "sync/atomic"

type counters struct {
	bytes, records, batches, asTheyLay, failed, detached atomic.Int64
}

// Stats is what was counted since the start, and what there is now.
type Stats struct {
	Bytes     int64    // of records in answers
	Records   int64    // in answers; a batch counts whole
	Batches   int64    // in answers
	AsTheyLay int64    // of these, those that lay as they were to be sent
	Failed    int64    // partitions of a Fetch that could not be read, or not in full
	Detached  int64    // answers that were copied because the cache was pressed
	Damage    []Damage // data files that reads found damaged or missing
	Sessions  int
	Evicted   int64 // sessions that made room for others
	Waiting   int   // Fetches that wait for records
}

// Stats gives the counts at this moment.
func (f *Fetch) Stats() Stats {
	s := Stats{Bytes: f.stats.bytes.Load(), Records: f.stats.records.Load(), Batches: f.stats.batches.Load(), AsTheyLay: f.stats.asTheyLay.Load(), Failed: f.stats.failed.Load(), Detached: f.stats.detached.Load(),
		Damage: f.alarm.counts()}
	s.Sessions, s.Evicted = f.sessions.count()
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Waiting = f.waiters.n
	return s
}
