package piece

import (
	"io"
	"testing"
)

// BenchmarkWriteTo measures an answer of 64 batches of 64 KiB over loopback, in steps as the broker's: out of memory, and by the
// kernel out of a file but for the head of each batch, which is changed on its way.
func BenchmarkWriteTo(b *testing.B) {
	const batches, size, head = 64, 64 << 10, 21
	bytes := content(batches * size)
	f := fileOf(b, bytes)
	lists := map[string]List{}
	for i := range batches {
		at := i * size
		lists["memory"] = append(lists["memory"], Of(bytes[at:at+head]), Of(bytes[at+head:at+size]))
		lists["file"] = append(lists["file"], Of(bytes[at:at+head]), In(f, int64(at+head), size-head))
	}
	for _, name := range []string{"memory", "file"} {
		b.Run(name, func(b *testing.B) {
			client, server := tcp(b)
			go func() { _, _ = io.Copy(io.Discard, client) }()
			b.SetBytes(batches * size)
			b.ReportAllocs()
			for b.Loop() {
				if err := lists[name].WriteTo(server, 256<<10, func() {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
