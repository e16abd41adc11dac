package history

import "sort"

// groupPartition is a group's place in a partition.
type groupPartition struct {
	group     string
	partition int32
}

// commit is an acknowledged commit, or the begin of an assignment, which must not be before it.
type commit struct {
	client string
	at     int64 // Event.At
	offset int64
	opened *assignment // nil for a commit
}

func (h *History) commit(e Event) {
	for _, r := range e.Records {
		k := groupPartition{e.Group, r.Partition}
		h.commits[k] = append(h.commits[k], commit{client: e.Client, at: e.At, offset: r.Offset})
	}
}

// openedAt notes where a member went on with a partition.
func (h *History) openedAt(group string, partition int32, a assignment) {
	k := groupPartition{group, partition}
	h.commits[k] = append(h.commits[k], commit{client: a.client, at: a.at, offset: a.first, opened: &a})
}

// judgeCommits holds every assignment against the commits acknowledged before it: a member asks for the group's offset
// after it was given the partition, and a commit of an older generation is no longer taken by then.
//
// Of each member's commits the one that it was told of last counts. librdkafka may have several under way, and repeats by
// itself those that failed, each a while later: by its source an older one may come behind a newer, whatever the broker
// does. Notes tell of it.
func (h *History) judgeCommits() {
	for k, list := range h.commits {
		sort.SliceStable(list, func(i, j int) bool { return list[i].at < list[j].at })
		stand := map[string]int64{} // by member
		for _, c := range list {
			if c.opened == nil {
				if c.offset < stand[c.client] {
					h.notes[c.client+": an older commit was acknowledged behind a newer"]++
				}
				stand[c.client] = c.offset
				continue
			}
			if most := largest(stand); c.offset < most {
				h.found(LostCommit, "%s of group %s was given partition %d and went on at offset %d; %d had been committed",
					c.client, k.group, k.partition, c.offset, most)
			}
		}
	}
}

func largest(offsets map[string]int64) (most int64) {
	for _, offset := range offsets {
		most = max(most, offset)
	}
	return most
}
