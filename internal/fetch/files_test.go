package fetch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
)

// answerMin is what an answer gets however little memory is left.
const answerMin = 64 << 10

// inFiles gives settings of a bucket that is a folder.
func inFiles(t *testing.T, s settings) settings {
	t.Helper()
	store, err := filestore.New(t.TempDir(), filestore.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	s.store, s.opener = store, store
	return s
}

// each fills so many partitions with n batches of some bytes each, a partition's in one extent, and gives a Want of every partition.
func (b *bed) each(partitions, n, size int) (id base.TopicID, wants []fetch.Want) {
	b.Helper()
	id = b.topic("orders", int32(partitions))
	for p := range int32(partitions) {
		var list []batch.Batch
		for i := range n {
			list = append(list, plain(i, 1, size))
		}
		b.together(id, p, list...)
		wants = append(wants, want(id, p, 0))
	}
	return id, wants
}

func lengthOf(r fetch.Response) (n int64) {
	for _, p := range r.Partitions {
		n += int64(p.Records.Len())
	}
	return n
}

// What the kernel sends out of files takes next to nothing of the budget for answers, and is not limited by it.
func TestFilesTakeLittleMemory(t *testing.T) {
	const partitions, size = 20, 60_000
	for name, test := range map[string]struct {
		settings settings
		files    bool
	}{
		"open files": {inFiles(t, settings{memory: 512 << 10}), true},
		"in memory":  {settings{memory: 512 << 10}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, test.settings)
			_, wants := b.each(partitions, 1, size)
			r := b.read(wants...)
			if n := lengthOf(r); n >= partitions*size != test.files {
				t.Errorf("%d bytes are sent", n)
			}
			if taken := b.memory.Size() - b.memory.Free(); taken == 0 || taken < partitions<<10 != test.files {
				t.Errorf("%d bytes of memory are taken", taken)
			}
			r.Release()
		})
	}
}

// Each row of batches that is sent on its own takes a little, for its places in the lists.
func TestRowsOutOfFilesTakeMemory(t *testing.T) {
	const rows = 40
	b := start(t, inFiles(t, settings{}))
	id, wants := b.each(1, rows, 17_000)
	b.edit(id, 0, func(int64) func(batch.Batch) { return otherOffset })
	r := b.read(wants...)
	if taken := b.memory.Size() - b.memory.Free(); len(r.Partitions[0].Records) != 2*rows || taken < rows*500 || taken > rows*5_000 {
		t.Errorf("%d pieces take %d bytes", len(r.Partitions[0].Records), taken)
	}
	r.Release()
}

// What is copied out of files takes memory, and no more than a fourth of the budget: whether it is known before that it will be copied, as
// extents are short, or not, as batches are that do not bear their offsets.
func TestCopiesOutOfFilesTakeMemory(t *testing.T) {
	const budget = 512 << 10
	for name, test := range map[string]struct {
		partitions, n, size int
		moved               bool
	}{
		"short extents":              {60, 1, 8_000, false},
		"small batches to be edited": {4, 60, 3_000, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, inFiles(t, settings{memory: budget}))
			id, wants := b.each(test.partitions, test.n, test.size)
			if test.moved {
				for p := range int32(test.partitions) {
					b.edit(id, p, func(int64) func(batch.Batch) { return otherOffset })
				}
			}
			answers, got := 0, 0
			for ; got < test.partitions*test.n && answers < 100; answers++ {
				r := b.read(wants...)
				n, taken := lengthOf(r), b.memory.Size()-b.memory.Free()
				if n > budget/4 || n < budget/16 && got+1 < test.partitions || taken < n-int64(test.size+100) || taken > budget/4 {
					t.Errorf("an answer of %d bytes takes %d of memory", n, taken)
				}
				for i, p := range r.Partitions {
					for _, one := range b.parse(p) {
						if one.BaseOffset() != wants[i].Offset {
							t.Fatalf("partition %d: %d after %d", i, one.BaseOffset(), wants[i].Offset)
						}
						got++
						wants[i].Offset++
					}
				}
				if r.Release != nil {
					r.Release()
				}
			}
			if got != test.partitions*test.n || answers < 3 {
				t.Errorf("%d of %d batches in %d answers", got, test.partitions*test.n, answers)
			}
			if b.memory.Free() != b.memory.Size() {
				t.Error("answers that were written hold memory")
			}
		})
	}
}

// Clients that do not read leave memory for others also where what they were sent had to be copied, which no plan tells.
func TestCopiesLeaveMemory(t *testing.T) {
	b := start(t, inFiles(t, settings{memory: 16 << 20}))
	id, wants := b.each(1, 100, 3_000)
	for range 20 {
		b.together(id, 0, slices.Repeat([]batch.Batch{plain(0, 1, 3_000)}, 100)...)
	}
	b.edit(id, 0, func(int64) func(batch.Batch) { return otherOffset })
	wants[0].MaxBytes = 50 << 20
	for range 30 {
		b.read(wants...) // and is never released
	}
	for range 30 {
		if r := b.read(wants...); lengthOf(r) < answerMin-4_000 {
			t.Fatalf("%d bytes are sent; %d are free of %d", lengthOf(r), b.memory.Free(), b.memory.Size())
		} else {
			r.Release()
		}
	}
}

// Without a barrier nothing is denied for good, also when an answer gets less memory than was planned.
func TestNothingIsDeniedForGoodByALesserPlan(t *testing.T) {
	for name, s := range map[string]settings{"open files": inFiles(t, settings{memory: 1 << 20}), "in memory": {memory: 1 << 20}} {
		t.Run(name, func(t *testing.T) {
			b := start(t, s)
			_, wants := b.each(40, 1, 10_000)
			wants[39].Offset = 5
			if !b.memory.TryAcquire(512 << 10) {
				t.Fatal("memory is taken")
			}
			b.journal.cut.Store(true)
			r := b.read(wants...)
			if n := lengthOf(r); n == 0 || n > answerMin {
				t.Errorf("%d bytes are sent: this is about an answer that gets less", n)
			}
			if p := r.Partitions[39]; p.Kind != base.OffsetNotAvailable {
				t.Errorf("%v", p.Kind)
			}
			r.Release()
			b.memory.Release(512 << 10)
		})
	}
}

// An answer ends when half of the files that may be open are held: those after it have memory reserved, and are copied, also if they began
// to wait for records before.
func TestFilesOfAnAnswerLeaveRoom(t *testing.T) {
	const batches, size = 240, 20_000
	b := start(t, inFiles(t, settings{cacheBytes: cache.MemoryMin, batchBytes: 1, memory: 8 << 20}))
	id := b.topic("orders", 1)
	for i := range batches {
		b.produceAsync(id, 0, plain(i, 1, size))
	}
	b.settle(id, 1, batches)
	for at := range int64(batches) { // has all files opened
		w := want(id, 0, at)
		w.MaxBytes = 1
		if r := b.read(w); r.Release != nil {
			r.Release()
		}
	}
	waiting := make(chan fetch.Response, 1)
	go func() {
		q := fetch.Request{MinBytes: 1, MaxBytes: 50 << 20, ByID: true, SessionEpoch: -1, Partitions: []fetch.Want{want(id, 0, batches)}}
		waiting <- b.fetch.Read(q, soon())
	}()
	for b.fetch.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	w := want(id, 0, 0)
	w.MaxBytes = 50 << 20
	first := b.read(w)
	taken, s := b.memory.Size()-b.memory.Free(), b.cache.Stats()
	if n := lengthOf(first); n < 2<<20 || taken > n/10 || s.HeldBytes < s.SizeBytes/2 || s.HeldBytes > s.SizeBytes/2+100<<10 {
		t.Errorf("an answer of %d bytes takes %d of memory; %+v", n, taken, s)
	}
	second := b.read(w)
	if n := lengthOf(second); n < 500<<10 || b.memory.Size()-b.memory.Free()-taken < n || b.cache.Stats().HeldBytes != s.HeldBytes {
		t.Errorf("the next, of %d bytes, leaves %d of memory; %+v", n, b.memory.Free(), b.cache.Stats())
	}
	free := b.memory.Free()
	b.produce(id, 0, plain(0, 1, size))
	third := <-waiting
	if n := lengthOf(third); n < size || free-b.memory.Free() < n || b.cache.Stats().HeldBytes != s.HeldBytes {
		t.Errorf("who waited is sent %d bytes, for which %d of memory are taken; %+v", n, free-b.memory.Free(), b.cache.Stats())
	}
	first.Release()
	second.Release()
	third.Release()
	if b.memory.Free() != b.memory.Size() {
		t.Error("an answer that was written holds memory")
	}
}

// slowFiles are open files of which each read takes so long, by a clock that is set forward.
type slowFiles struct {
	objstore.Opener
	passes func()
}

type slowFile struct {
	objstore.File
	passes func()
}

func (s slowFiles) Open(ctx context.Context, key string) (objstore.File, objstore.Meta, error) {
	f, meta, err := s.Opener.Open(ctx, key)
	return slowFile{f, s.passes}, meta, err
}

func (s slowFile) ReadAt(b []byte, off int64) (int, error) {
	s.passes()
	return s.File.ReadAt(b, off)
}

// An answer goes out with what it has once looking at files has taken its time, whether batches are large or small; nothing of it is skipped.
func TestSlowFilesEndAnswers(t *testing.T) {
	for _, test := range []struct {
		partitions, size int
		takes            time.Duration
	}{{20, 60_000, 2 * time.Second}, {80, 10, 400 * time.Millisecond}} {
		var b *bed
		s := inFiles(t, settings{batchBytes: 1})
		s.opener = slowFiles{s.opener, func() { b.clock.forward(test.takes) }}
		b = start(t, s)
		_, wants := b.each(test.partitions, 1, test.size)
		answers, got := 0, 0
		for ; got < test.partitions && answers < test.partitions; answers++ {
			began := b.clock.Now()
			r := b.read(wants...)
			if took := b.clock.Now().Sub(began); took >= 30*time.Second {
				t.Errorf("batches of %d B: an answer took %v: Java clients are gone by then", test.size, took)
			}
			for i, p := range r.Partitions {
				if p.Kind != base.OK {
					t.Errorf("batches of %d B: partition %d: %v", test.size, i, p.Kind)
				}
				n := len(b.parse(p))
				got += n
				wants[i].Offset += int64(n)
			}
			if r.Release != nil {
				r.Release()
			}
		}
		if got != test.partitions || answers < 2 {
			t.Errorf("batches of %d B: %d of %d in %d answers", test.size, got, test.partitions, answers)
		}
	}
}
