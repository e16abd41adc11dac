package history

import "sort"

// groupPartition is a group's place in a partition.
type groupPartition struct {
	group     string
	partition int32
}

// commit is an acknowledged commit, or the begin of an assignment, which must not be before it.
type commit struct {
	at     int64 // Event.At
	offset int64
	opened *assignment // nil for a commit
}

func (h *History) commit(e Event) {
	for _, r := range e.Records {
		k := groupPartition{e.Group, r.Partition}
		h.commits[k] = append(h.commits[k], commit{at: e.At, offset: r.Offset})
	}
}

// openedAt notes where a member went on with a partition.
func (h *History) openedAt(group string, partition int32, a assignment) {
	k := groupPartition{group, partition}
	h.commits[k] = append(h.commits[k], commit{at: a.at, offset: a.first, opened: &a})
}

// judgeCommits holds every assignment against the commits acknowledged before it: a member asks for the group's offset
// after it was given the partition, and a commit of an older generation is no longer taken by then.
func (h *History) judgeCommits() {
	for k, list := range h.commits {
		sort.SliceStable(list, func(i, j int) bool { return list[i].at < list[j].at })
		var most int64
		for _, c := range list {
			switch {
			case c.opened == nil:
				most = max(most, c.offset)
			case c.offset < most:
				h.found(LostCommit, "%s of group %s was given partition %d and went on at offset %d; %d had been committed",
					c.opened.client, k.group, k.partition, c.offset, most)
			}
		}
	}
}
