package broker

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What came while the process stood still is not begun: the client gave it up, and has asked elsewhere. Who connects
// afterwards is served.
func TestRequestsThatCameWhileStandingStill(t *testing.T) {
	b := newBed(t)
	ask[*kmsg.ApiVersionsResponse](b.client, 0, kmsg.NewPtrApiVersionsRequest())
	b.broker.watch.Stop()
	b.broker.still.mu.Lock()
	b.broker.still.looked = time.Now().Add(-stillMax - time.Second).Round(0)
	b.broker.still.mu.Unlock()
	b.client.send(kmsg.NewPtrApiVersionsRequest())
	if _, _, err := b.client.frame(); !errors.Is(err, io.EOF) {
		t.Errorf("answered (%v), want the connection closed", err)
	}
	fresh := b.dial()
	defer fresh.Close()
	ask[*kmsg.ApiVersionsResponse](fresh, 0, kmsg.NewPtrApiVersionsRequest())
}

func TestStillness(t *testing.T) {
	var s stillness
	at := time.Unix(1000, 0)
	for _, look := range []struct {
		after time.Duration
		era   uint64
		stood time.Duration
	}{
		{0, 0, 0},
		{time.Second, 0, 0},
		{stillMax, 0, 0}, // a look that comes a little late is an everyday thing
		{stillMax + 1, 1, stillMax + 1},
		{time.Second, 1, 0},
		{-time.Hour, 1, 0}, // the clock was set back
		{time.Minute, 2, time.Minute},
	} {
		at = at.Add(look.after)
		if era, stood := s.look(at); era != look.era || stood != look.stood {
			t.Errorf("after %v: era %d, stood still for %v; want %d, %v", look.after, era, stood, look.era, look.stood)
		}
	}
}
