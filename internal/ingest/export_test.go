package ingest

// Outlooks is the number of partitions of which something is foreseen to be under way.
func (i *Ingest) Outlooks() int {
	i.foresight.mu.Lock()
	defer i.foresight.mu.Unlock()
	return len(i.foresight.parts)
}

// TailsKept is tailsKept.
const TailsKept = tailsKept

// Tails is the number of producers in partitions of which it is known what would follow.
func (i *Ingest) Tails() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.tails)
}
