package jobs

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

// Journal is what jobs ask of control.
type Journal interface {
	View() meta.View
	Propose(op meta.Op) *env.Future[*meta.Verdict]
	Now() base.Millis
	Self() base.Incarnation
}

// dropMax bounds the deletion of a file that was refused, discardMax that of one whose upload failed.
const dropMax, discardMax = time.Minute, 5 * time.Second

// Offers are the data files that a job has made: it uploads them, proposes them to the journal, and takes note of what became of them. One
// goroutine settles them, while none makes any; else all is safe for concurrent use.
type Offers struct {
	env      env.Env
	journal  Journal
	store    objstore.Store
	stop     *env.Stopper
	log      *slog.Logger
	mu       sync.Mutex
	open     []offer
	uploaded atomic.Int64
	accepted atomic.Int64
	refused  atomic.Int64
}

// offer is a file that was proposed.
type offer struct {
	file    base.FileRef
	verdict *env.Future[*meta.Verdict]
}

// OfferStats counts files since the agent started.
type OfferStats struct {
	Uploaded int64
	Accepted int64 // of these
	Refused  int64 // of these, and deleted
}

// NewOffers makes a job's Offers: there are none.
func NewOffers(e env.Env, journal Journal, store objstore.Store, stop *env.Stopper, log *slog.Logger) *Offers {
	return &Offers{env: e, journal: journal, store: store, stop: stop, log: log}
}

// Stats gives the counts at this moment.
func (o *Offers) Stats() OfferStats {
	return OfferStats{Uploaded: o.uploaded.Load(), Accepted: o.accepted.Load(), Refused: o.refused.Load()}
}

// Name draws a name for a file.
func (o *Offers) Name(store base.StoreID) base.FileRef {
	return base.FileRef{Store: store, ID: base.MakeULID(o.journal.Now(), o.env.Uint64(), o.env.Uint64())}
}

// Make uploads a file and proposes what command says of it, which is told when it was modified, by the bucket's clock. It does not wait for
// the verdict: Settle looks.
func (o *Offers) Make(ctx context.Context, file base.FileRef, body [][]byte, command func(modified base.Millis) log.Command) error {
	began := o.env.Now()
	stored, err := o.upload(ctx, segment.Key(file), body)
	if err != nil {
		o.discard(file)
		return err
	}
	o.uploaded.Add(1)
	modified := base.Millis(stored.Modified(began, o.env.Now(), int64(o.journal.Now())))
	x := offer{file, o.journal.Propose(command(modified))}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = append(o.open, x)
	return nil
}

func (o *Offers) upload(ctx context.Context, key string, body [][]byte) (objstore.Meta, error) {
	if plant.LeftOut(plant.OffersUploaded) {
		o.stop.Go("upload too late", func() {
			o.stop.Sleep(time.Second)
			_, _ = o.store.Put(o.stop.Context(), key, body...)
		})
		return objstore.Meta{}, nil
	}
	return o.store.Put(ctx, key, body...)
}

// Settle takes note of what became of the files; false: of some that is not known yet. One that was refused is deleted again: the verdict
// stands in the journal, and the command happens once, so no entry will ever name the file. Where it is not known what became of the
// command the file stays: it may have been accepted, or is an orphan for fsck.
func (o *Offers) Settle() bool {
	open := o.open[:0]
	for _, x := range o.open {
		if !x.verdict.Done() {
			open = append(open, x)
			if plant.LeftOut(plant.RefusedGo) {
				o.drop(x.file, "not waited for")
			}
			continue
		}
		o.settle(x)
	}
	clear(o.open[len(open):])
	o.open = open
	return len(open) == 0
}

func (o *Offers) settle(x offer) {
	v, err := x.verdict.Wait(time.Time{})
	if err != nil || v.Log == nil { // no verdict of the journal: it says what was not decided
		return
	}
	if v.Log.Kind == base.OK {
		o.accepted.Add(1)
		return
	}
	if _, there := o.journal.View().Log.FileByRef(x.file); !there {
		o.drop(x.file, v.Log.Text)
	}
}

// discard deletes what an upload that failed may have left all the same: nobody was told of it. What comes even later is an orphan for fsck.
func (o *Offers) discard(file base.FileRef) {
	ctx, cancel := o.env.WithTimeout(o.stop.Context(), discardMax)
	defer cancel()
	_ = o.store.Delete(ctx, segment.Key(file))
}

func (o *Offers) drop(file base.FileRef, why string) {
	ctx, cancel := o.env.WithTimeout(o.stop.Context(), dropMax)
	defer cancel()
	if err := o.store.Delete(ctx, segment.Key(file)); err != nil {
		o.log.Warn("a data file that nothing refers to stays: millrace fsck --repair deletes it", "segment", file.ID, "error", err)
		return
	}
	o.refused.Add(1)
	o.log.Info("a data file is not wanted: what it was to replace had gone, or was replaced, meanwhile", "segment", file.ID, "verdict", why)
}
