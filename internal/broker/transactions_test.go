package broker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Who asks for transactions is told at once that there are none, instead of being left to retry for ever.
func TestTransactionalClientsFailAtOnce(t *testing.T) {
	b := newBed(t)
	b.topic("orders")
	c, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.TransactionalID("t1"), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = c.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr()
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), kerr.TransactionalIDAuthorizationFailed.Message) {
		t.Errorf("%v", err)
	}
}
