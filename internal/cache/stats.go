package cache

import "sync/atomic"

type counters struct {
	misses, gets, entries, getBytes, getMicros, evicted, checked, damaged atomic.Int64
}

// Stats is what was counted since the start, and what is held now.
type Stats struct {
	Misses    int64 // reads that had to wait for the bucket
	Gets      int64 // answered GETs, of GetBytes bytes, that took GetMicros microseconds in all
	Entries   int64 // of these, journal entries, for what rides in them
	GetBytes  int64
	GetMicros int64
	Evicted   int64 // spans
	Checked   int64 // batches whose CRC was computed
	Damaged   int64 // reads that met damaged bytes
	UsedBytes int64 // of SizeBytes
	HeldBytes int64 // of these: being sent to clients, or on their way from the bucket
	SizeBytes int64
}

// Stats gives the counts at this moment.
func (c *Cache) Stats() Stats {
	n := &c.stats
	s := Stats{Misses: n.misses.Load(), Gets: n.gets.Load(), Entries: n.entries.Load(), GetBytes: n.getBytes.Load(), GetMicros: n.getMicros.Load(),
		Evicted: n.evicted.Load(), Checked: n.checked.Load(), Damaged: n.damaged.Load(), SizeBytes: c.size}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.UsedBytes, s.HeldBytes = c.used, c.held
	return s
}
