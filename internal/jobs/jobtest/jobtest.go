// Package jobtest is what the tests of jobs share: agents up to control over a bucket in memory, in virtual time.
//
// Owns: that. Does not own: any job. Nothing but tests imports it.
package jobtest

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

// Quiet is a log that nobody reads.
var Quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// Tell tells a story, which fails by panicking and takes at most so long, over an empty bucket.
func Tell(t *testing.T, most time.Duration, story func(p *sim.Proc, store *memstore.Store)) {
	t.Helper()
	w := sim.NewWorld(1)
	clock := func() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(w.Elapsed()) }
	if err := w.RunFor(most, func(p *sim.Proc) { story(p, memstore.New(clock)) }); err != nil {
		t.Fatal(err)
	}
}

// Config is that of an agent with these roles.
func Config(roles admin.Roles) control.Config {
	return control.Config{Profile: admin.Profile{Kafka: "a:9092", Roles: roles}, W: journal.W, Log: Quiet}
}

// Join starts an agent.
func Join(p *sim.Proc, store objstore.Store, config control.Config) *control.Control {
	cluster, err := journal.OpenCluster(env.NewStopper(p).Context(), p, store)
	Check(err)
	c := control.New(p, store, cluster, config, nil)
	Check(c.Start())
	return c
}

// Propose has a command decided, and accepted.
func Propose(p *sim.Proc, c *control.Control, op meta.Op) {
	v, err := c.Propose(op).Wait(p.Now().Add(time.Minute))
	Check(err)
	if v.Kind() != base.OK {
		panic(fmt.Sprintf("%T: %v %s", op, v.Kind(), v.Text()))
	}
}

// Check panics at an error.
func Check(err error) {
	if err != nil {
		panic(err)
	}
}
