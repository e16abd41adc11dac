package broker

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What came while the process stood still is not begun: the client gave it up, and has asked elsewhere. It makes no
// difference whether the connection's reader wakes first or the tick.
func TestRequestsThatCameWhileStandingStill(t *testing.T) {
	for name, wake := range map[string]func(b *Broker){
		"the reader wakes first": func(b *Broker) { b.still.ticked.Store(time.Now().Add(-stillMax - time.Second).UnixNano()) },
		"the tick comes first":   func(b *Broker) { b.tick(time.Now().Add(stillMax + time.Second)); b.tick(time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.broker.watch.Stop() // ticks come from here
			ask[*kmsg.ApiVersionsResponse](b.client, 0, kmsg.NewPtrApiVersionsRequest())
			wake(b.broker)
			b.client.send(kmsg.NewPtrApiVersionsRequest())
			if _, _, err := b.client.frame(); !errors.Is(err, io.EOF) {
				t.Errorf("answered (%v), want the connection closed", err)
			}
			b.broker.tick(time.Now())
			fresh := b.dial()
			defer fresh.Close()
			ask[*kmsg.ApiVersionsResponse](fresh, 0, kmsg.NewPtrApiVersionsRequest())
		})
	}
}

// A tick that comes a little late is an everyday thing.
func TestAShortStandstillCostsNothing(t *testing.T) {
	b := newBed(t)
	b.broker.watch.Stop()
	b.broker.tick(time.Now())
	b.broker.tick(time.Now().Add(stillMax - time.Second))
	ask[*kmsg.ApiVersionsResponse](b.client, 0, kmsg.NewPtrApiVersionsRequest())
}
