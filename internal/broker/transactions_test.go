package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Who asks for transactions is told at once that there are none, instead of being left to retry for ever.
func TestTransactionalClientsFailAtOnce(t *testing.T) {
	b := newBed(t)
	c, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.TransactionalID("t1"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	err = c.BeginTransaction() // asks for a producer id
	if err == nil || !strings.Contains(err.Error(), kerr.TransactionalIDAuthorizationFailed.Message) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
