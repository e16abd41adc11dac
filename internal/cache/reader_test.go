package cache

import (
	"runtime"
	"testing"
	"time"
)

// A batch of an open file is read whole to be checked: that memory is outside of every budget (P7).
func TestMemoryToLookAtAnOpenFile(t *testing.T) {
	b, _, _ := folder(t, 0)
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
	t.Logf("budget %d MiB, counted as used %d MiB, heap %d MiB", b.cache.size/mib, used/mib, heap/mib)
	if heap > used+b.cache.size {
		t.Errorf("%d MiB are in use, the cache counts %d of %d", heap/mib, used/mib, b.cache.size/mib)
	}
}
