package ingest

// Outlooks is the number of partitions of which something is foreseen to be under way.
func (i *Ingest) Outlooks() int {
	i.foresight.mu.Lock()
	defer i.foresight.mu.Unlock()
	return len(i.foresight.parts)
}
