package fsck

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// extentsAtOnce bounds the extents that are gathered by file: 64 bytes each.
const extentsAtOnce = 500_000

// claim is an extent as a claim on a part of a file.
type claim struct {
	log.Extent
	key base.PartitionKey
}

// begin and end are where it lies in its file.
func (c *claim) begin() int64 { return int64(c.Pos) }
func (c *claim) end() int64   { return int64(c.Pos) + int64(c.Len) }

// files checks the data files that the state refers to, and names those it does not.
func (k *checker) files(ctx context.Context) error {
	r, l := k.report, k.state.Log
	r.Topics, r.Partitions = l.TopicCount(), l.PartitionCount()
	l.Partitions(func(p *log.Partition) bool {
		r.Extents += int64(p.Extents.Len())
		return true
	})
	there := map[uint64]int64{} // file → its size in the listing
	err := k.each(ctx, segment.Prefix, func(o objstore.ListEntry) { k.listed(o, there) })
	if err != nil {
		return err
	}
	err = k.eachGroup(func(files []uint64, claims map[uint64][]claim) error {
		return k.group(ctx, files, claims, there)
	})
	if r.FilesReleased > 0 {
		r.add(Garbage, "", "data files of which nothing is left in any partition, since less than %d minutes: %d; agents delete them then", log.ReleasedFor/60_000, r.FilesReleased)
	}
	if r.FilesGone > 0 {
		r.add(Note, "", "data files that were merged into others or trimmed away while this check read: %d; what they were merged into was not read", r.FilesGone)
	}
	return err
}

// fate is what is to become of a data file.
type fate uint8

const (
	wanted    fate = iota // partitions refer to it
	pending               // no entry names it, and one may still
	undecided             // it is old, but no entry is late enough to prove that none will name it
	orphan                // no entry names it, and none can any more: sweepable
	released              // nothing of it is left in any partition, for too short a time
	emptied               // nothing of it is left in any partition: sweepable
)

// fate says what the state has to say about a file. A commit of it was refused by Decide if its entry's time is half of
// log.OrphanAfter past its Last-Modified, and the state's time is that of a believed entry and never goes back: so once that is
// later than Last-Modified + log.OrphanAfter, no entry to come can name the file. That holds as well for one that the state has
// forgotten, as it was removed: what brought its object back was a PUT that came late, and its commit happened, once.
func (k *checker) fate(ref base.FileRef, o objstore.ListEntry) fate {
	now := k.state.Time
	number, known := k.state.Log.FileByRef(ref)
	f, _ := k.state.Log.File(number)
	switch {
	case known && f.Refs > 0:
		return wanted
	case known && f.Removable(now):
		return emptied
	case known:
		return released
	case !o.LastModified.IsZero() && now > base.Millis(o.LastModified.UnixMilli())+log.OrphanAfter:
		return orphan
	case !k.young(o, time.Duration(log.OrphanAfter)*time.Millisecond):
		return undecided
	}
	return pending
}

func (f fate) sweepable() bool { return f == orphan || f == emptied }

// listed notes one object of the listing.
func (k *checker) listed(o objstore.ListEntry, there map[uint64]int64) {
	ref, ok := fileRef(o.Key)
	if !ok {
		k.stranger(o)
		return
	}
	r := k.report
	switch fate := k.fate(ref, o); fate {
	case wanted:
		number, _ := k.state.Log.FileByRef(ref)
		there[number] = o.SizeBytes
	case pending:
		r.Uncommitted++
	case undecided:
		r.Uncommitted++
		r.add(Note, o.Key, "no entry names this file of %d bytes, and none is late enough to prove that none will: start an agent, then check again", o.SizeBytes)
	case orphan:
		r.GarbageBytes += o.SizeBytes
		r.sweepable(sweepFiles, Garbage, o.Key, "an orphan: no entry committed this file of %d bytes, and none can any more", o.SizeBytes)
	case emptied:
		r.GarbageBytes += o.SizeBytes
		r.sweepable(sweepFiles, Garbage, o.Key, "nothing of this file of %d bytes is left in any partition", o.SizeBytes)
	case released:
		r.GarbageBytes += o.SizeBytes
		r.FilesReleased++
	}
}

// stranger names an object that no data file is looked for under.
func (k *checker) stranger(o objstore.ListEntry) {
	name := o.Key[strings.LastIndexByte(o.Key, '/')+1:]
	if id, err := base.ParseULID(name); err == nil {
		if _, ok := k.state.Log.FileByRef(base.FileRef{ID: id}); ok {
			k.report.add(Note, o.Key, "it has the name of a data file that is looked for under %s only: a copy, or moved", segment.Key(base.FileRef{ID: id}))
			return
		}
	}
	k.report.add(Note, o.Key, "not an object of Millrace")
}

// eachGroup calls f with files that hold extents, in order of number, some at a time, and with all claims on them.
func (k *checker) eachGroup(f func(files []uint64, claims map[uint64][]claim) error) error {
	var groups [][]uint64
	sum := extentsAtOnce
	landed := k.landedExtents()
	k.state.Log.Files(func(n uint64, file log.File) bool {
		if file.Refs == 0 || file.Where == log.Landed {
			return true
		}
		k.report.Files++
		extents := int(file.Refs) + landed[n]
		if sum += extents; sum > extentsAtOnce {
			groups, sum = append(groups, nil), extents
		}
		last := &groups[len(groups)-1]
		*last = append(*last, n)
		return true
	})
	for _, files := range groups {
		if err := f(files, k.claims(files[0], files[len(files)-1])); err != nil {
			return err
		}
	}
	return nil
}

// claims gathers the extents that lie in files from … to, by file and position.
func (k *checker) claims(from, to uint64) map[uint64][]claim {
	all := map[uint64][]claim{}
	k.state.Log.Partitions(func(p *log.Partition) bool {
		p.Extents.From(0, func(x log.Extent) bool {
			if x = k.home(x); x.File >= from && x.File <= to {
				all[x.File] = append(all[x.File], claim{x, p.Key})
			}
			return true
		})
		return true
	})
	for _, list := range all {
		slices.SortFunc(list, func(a, b claim) int {
			return cmp.Or(cmp.Compare(a.Pos, b.Pos), cmp.Compare(b.Len, a.Len), cmp.Compare(a.Base, b.Base))
		})
	}
	return all
}

// group checks some files. Findings are gathered by file, so that the report does not depend on who reads faster.
func (k *checker) group(ctx context.Context, files []uint64, claims map[uint64][]claim, there map[uint64]int64) error {
	budget := newBudget(k.env)
	for batch := range slices.Chunk(files, 8*readsAtOnce) {
		results := make([]fileResult, len(batch))
		k.parallel(len(batch), func(i int) {
			f, _ := k.state.Log.File(batch[i])
			if f.Where == log.Riding {
				results[i] = k.rider(ctx, f, claims[batch[i]], budget)
				return
			}
			listed, ok := there[batch[i]]
			if !ok {
				listed = -1
			}
			results[i] = k.file(ctx, f, claims[batch[i]], listed, budget)
		})
		late := news{checker: k}
		for i := range results {
			r := &results[i]
			if r.err != nil {
				return r.err
			}
			if err := late.explain(ctx, batch[i], r); err != nil {
				return err
			}
			k.take(r)
		}
		k.step("checking data files", len(batch))
	}
	return nil
}

// fileResult is what came of one file.
type fileResult struct {
	problems []Problem
	ofState  int   // so many of these, the first, are of the state alone, whatever lies in the bucket
	read     int64 // bytes; 0: not read
	batches  int64
	records  int64
	err      error // the store could not be read
}

// unsound reports whether the file is not there, or not as it should be.
func (r *fileResult) unsound() bool { return len(r.problems) > r.ofState }

func (k *checker) take(r *fileResult) {
	for _, p := range r.problems {
		k.report.find(p)
	}
	if r.read > 0 {
		k.report.FilesRead++
	}
	k.report.BytesRead += r.read
	k.report.Batches += r.batches
	k.report.Records += r.records
}
