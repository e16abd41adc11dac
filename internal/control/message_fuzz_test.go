package control_test

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// Whatever a peer sends, the loop goes on: a barrier after it is answered.
func FuzzPeerMessage(f *testing.F) {
	for kind := range uint8(8) {
		f.Add(kind, []byte{})
		f.Add(kind, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
		f.Add(kind, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		a := startLinked(t, memstore.New(time.Now))
		defer a.kill()
		a.PeerUp(99, 42)
		a.PeerMessage(99, 42, kind, body)
		if _, err := a.Barrier(soon()); err != nil {
			t.Fatalf("message of kind %d: %v", kind, err)
		}
	})
}
