package control_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/peer"
)

type linked struct {
	*control.Control
	node  *peer.Node
	store *meter.Store
}

// startLinked starts an agent that speaks to others.
func startLinked(t testing.TB, inner objstore.Store) linked {
	t.Helper()
	e, quiet := env.Real(), slog.New(slog.NewTextHandler(io.Discard, nil))
	store := meter.New(e, inner)
	cluster, err := journal.OpenCluster(t.Context(), e, store)
	if err != nil {
		t.Fatal(err)
	}
	node, err := peer.Listen(e, "127.0.0.1:0", cluster.ID, quiet)
	if err != nil {
		t.Fatal(err)
	}
	c := control.New(e, store, cluster, control.Config{
		Profile: admin.Profile{Roles: admin.AllRoles, Peer: node.Addr().String()}, W: journal.W, Log: quiet}, node)
	node.Start(c, c.Self)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return linked{c, node, store}
}

func (l linked) kill() {
	l.node.Stop(soon())
	l.Kill(soon())
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not so after 15 s: %s", what)
}

// A follower's commands are written by the sequencer, and its Views come from the stream: it leaves the journal alone.
func TestFollowerWritesThroughTheSequencer(t *testing.T) {
	bucket := memstore.New(time.Now)
	first := startLinked(t, bucket)
	defer first.kill()
	second := startLinked(t, bucket)
	defer second.kill()
	id := createTopic(t, first.Control, "orders")
	eventually(t, "the follower streams", func() bool { return second.Stats().EntriesStreamed > 0 })

	wonBefore := second.Stats().EntriesWon
	for i := range 20 {
		if v := propose(t, second.Control, commit(second.Control, id, byte(i+1), int32(5*i))); v.Log.Batches[0].Base != int64(5*i) {
			t.Fatalf("commit %d: %+v", i, v.Log.Batches[0])
		}
	}
	v, err := second.Barrier(soon())
	if err != nil {
		t.Fatal(err)
	}
	if _, p, _ := v.Log.PartitionOf(id, 1); p.End != 100 {
		t.Fatalf("end %d, want 100", p.End)
	}
	if won := second.Stats().EntriesWon; won != wonBefore {
		t.Fatalf("the follower wrote %d entries itself", won-wonBefore)
	}
}

// When the sequencer dies the others go on at once, and what was under way happens exactly once.
func TestSequencerDies(t *testing.T) {
	bucket := memstore.New(time.Now)
	first := startLinked(t, bucket)
	second := startLinked(t, bucket)
	defer second.kill()
	third := startLinked(t, bucket)
	defer third.kill()
	id := createTopic(t, second.Control, "orders")
	dead := first.Self()

	type try struct {
		i int
		f *env.Future[*meta.Verdict]
	}
	var tries []try
	for i := range 30 {
		if i == 10 {
			first.kill()
		}
		tries = append(tries, try{i, second.Propose(commit(second.Control, id, byte(i+1), int32(5*i)))})
		time.Sleep(2 * time.Millisecond)
	}
	for _, k := range tries {
		v, err := k.f.Wait(soon())
		if err != nil || v.Log.Batches[0].Kind != base.OK || v.Log.Batches[0].Base != int64(5*k.i) {
			t.Fatalf("commit %d: %v %+v", k.i, err, v)
		}
	}
	asked := time.Now()
	eventually(t, "the dead agent is expired", func() bool {
		return !second.View().Admin.Live(dead) && !third.View().Admin.Live(dead)
	})
	if took := time.Since(asked); took > 3*time.Second {
		t.Errorf("an agent whose port is closed was expired after %v: its clients wait for that", took)
	}
	v, err := third.Barrier(soon())
	if err != nil {
		t.Fatal(err)
	}
	if _, p, _ := v.Log.PartitionOf(id, 1); p.End != 150 {
		t.Fatalf("end %d, want 150", p.End)
	}
}
