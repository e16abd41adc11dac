package peer_test

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/peer"
)

// receiver is told of a link, and of each message.
type receiver struct {
	ups  chan peer.LinkID
	came chan int // bytes
}

func (r *receiver) PeerUp(link peer.LinkID, _ base.Incarnation) { r.ups <- link }
func (r *receiver) PeerDown(peer.LinkID, base.Incarnation)      {}
func (r *receiver) PeerGone(base.Incarnation)                   {}
func (r *receiver) PeerMessage(_ peer.LinkID, _ base.Incarnation, _ uint8, body []byte) bool {
	r.came <- len(body)
	return true
}

// underWay is how many messages are on a link at a time: fewer bytes than its queue takes.
const underWay = 16

// BenchmarkStream measures messages from one agent to another over loopback, one behind another, as a sequencer sends entries.
func BenchmarkStream(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			from, to := &receiver{ups: make(chan peer.LinkID, 1)}, &receiver{ups: make(chan peer.LinkID, 1), came: make(chan int, underWay)}
			sender, addressee := linkable(b, from, 1), linkable(b, to, 2)
			sender.Open(2, addressee.Addr().String())
			link := <-from.ups
			body, ahead := make([]byte, size), 0
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if ahead++; ahead > underWay {
					<-to.came
				}
				if !sender.Send(link, 1, body) {
					b.Fatal("the link takes no more")
				}
			}
			for range min(ahead, underWay) {
				if n := <-to.came; n != size {
					b.Fatalf("%d bytes came", n)
				}
			}
		})
	}
}

// linkable starts an agent of that incarnation that others can reach.
func linkable(b *testing.B, h peer.Handler, self base.Incarnation) *peer.Node {
	n, err := peer.Listen(env.Real(), "127.0.0.1:0", "c", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		b.Fatal(err)
	}
	n.Start(h, func() base.Incarnation { return self })
	b.Cleanup(func() { n.Stop(time.Now().Add(time.Second)) })
	return n
}
