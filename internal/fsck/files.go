package fsck

import (
	"cmp"
	"context"
	"slices"
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

// files checks the data files that the state refers to, and names those it does not.
func (k *checker) files(ctx context.Context) error {
	r, l := k.report, k.state.Log
	r.Topics, r.Partitions = l.TopicCount(), l.PartitionCount()
	l.Partitions(func(p *log.Partition) bool {
		r.Extents += int64(p.Extents.Len())
		return true
	})
	there := map[uint64]struct{}{}
	err := k.each(ctx, segment.Prefix, func(o objstore.ListEntry) { k.listed(o, there) })
	if err != nil {
		return err
	}
	return k.eachGroup(func(files []uint64, claims map[uint64][]claim) error {
		return k.group(ctx, files, claims, there)
	})
}

// listed notes one object of the listing.
func (k *checker) listed(o objstore.ListEntry, there map[uint64]struct{}) {
	ref, ok := fileRef(o.Key)
	if !ok {
		k.report.add(Note, o.Key, "not an object of Millrace")
		return
	}
	number, known := k.state.Log.FileByRef(ref)
	f, _ := k.state.Log.File(number)
	switch {
	case !known && !k.young(o, time.Duration(log.OrphanAfter)*time.Millisecond):
		k.report.add(Garbage, o.Key, "an orphan: no entry committed this file of %d bytes, and none can any more", o.SizeBytes)
	case !known:
		k.report.Uncommitted++
	case f.Refs == 0:
		k.report.add(Garbage, o.Key, "nothing of this file of %d bytes is left in any partition", o.SizeBytes)
	case o.SizeBytes != f.SizeBytes:
		k.report.add(Damage, o.Key, "the file has %d bytes, the state says %d", o.SizeBytes, f.SizeBytes)
		fallthrough // it is there: its bytes need not be read to know that they are wrong
	default:
		there[number] = struct{}{}
	}
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
		slices.SortFunc(list, func(a, b claim) int { return cmp.Compare(a.Pos, b.Pos) })
	}
	return all
}

// group checks some files. Findings are gathered by file, so that the report does not depend on who reads faster.
func (k *checker) group(ctx context.Context, files []uint64, claims map[uint64][]claim, there map[uint64]struct{}) error {
	budget := newBudget(k.env)
	for batch := range slices.Chunk(files, 8*readsAtOnce) {
		results := make([]fileResult, len(batch))
		k.parallel(len(batch), func(i int) {
			f, _ := k.state.Log.File(batch[i])
			_, listed := there[batch[i]]
			results[i] = k.file(ctx, f, claims[batch[i]], listed, budget)
		})
		for _, r := range results {
			if r.err != nil {
				return r.err
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
	read     int64 // bytes; 0: not read
	batches  int64
	records  int64
	err      error // the store could not be read
}

func (k *checker) take(r fileResult) {
	for _, p := range r.problems {
		k.report.add(p.Severity, p.Key, "%s", p.Text)
	}
	if r.read > 0 {
		k.report.FilesRead++
	}
	k.report.BytesRead += r.read
	k.report.Batches += r.batches
	k.report.Records += r.records
}
