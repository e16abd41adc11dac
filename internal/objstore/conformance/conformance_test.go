package conformance_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// careless is a store that ignores the condition.
type careless struct{ *memstore.Store }

func (s careless) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	return s.Put(ctx, key, body)
}

// TestCompeteFindsTwoWinners: a race that no store can lose would prove nothing.
func TestCompeteFindsTwoWinners(t *testing.T) {
	stores := []objstore.Store{careless{memstore.New(time.Now)}}
	err := conformance.Compete(t.Context(), stores, 4, 1)
	if err == nil || !strings.Contains(err.Error(), "want exactly one") {
		t.Errorf("Compete on a store that ignores conditions = %v, want an error that names the winners", err)
	}
}
