package cache

import (
	"runtime"
	"testing"
	"time"
)

// A batch of an open file is not read whole to be checked (P7).
func TestMemoryToLookAtAnOpenFile(t *testing.T) {
	b, _, _ := folder(t, 77*mib)
	const readers, size = 8, 20 * mib
	var files [readers]Extent
	for n := range files {
		files[n] = b.file(byte(n), 1, size)
	}
	b.forget()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	views := make([]View, readers)
	for n := range files {
		// The first half of Next, as readers side by side are in the middle of it.
		v, err := b.cache.open(Read{Extent: files[n], Offset: 100, Bytes: size, Need: files[n].Len}, true, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, need, err := v.batchAt(0); need > 0 || err != nil {
			t.Fatal(need, err)
		}
		views[n] = v
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := b.cache.Stats().UsedBytes
	heap := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	for n := range views {
		views[n].Release()
	}
	if heap > used {
		t.Errorf("%d KiB are in use, the cache counts %d", heap>>10, used>>10)
	}
}

// What is known of the batches of open files is counted as a part of what an open file costs, however many they are (P7).
func TestMemoryOfWhatIsKnownOfOpenFiles(t *testing.T) {
	const files, budget = 40, 77 << 20 // a fifth of --memory's default
	b, _, _ := folder(t, budget)
	count := 8 * mib / len(data(1, 81))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range files {
		x := b.file(byte(n), count, 81)
		b.walk(x, 100, mib)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used, heap := b.cache.Stats().UsedBytes, int64(after.HeapAlloc)-int64(before.HeapAlloc)
	if heap > 2*used {
		t.Errorf("an open file takes %d KiB and is counted with %d", heap/files>>10, used/files>>10)
	}
}
