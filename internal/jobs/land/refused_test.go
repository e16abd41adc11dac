package land_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/jobs"
	"github.com/millrace-io/millrace/internal/jobs/land"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// between is a journal in which something comes between a container and its command.
type between struct {
	jobs.Journal
	env     env.Env
	comes   func()
	answers func(*meta.Verdict, error) (*meta.Verdict, error) // may answer another thing than the journal
}

func (j *between) Propose(op meta.Op) *env.Future[*meta.Verdict] {
	if j.comes != nil {
		j.comes()
		j.comes = nil
	}
	out := env.NewFuture[*meta.Verdict](j.env)
	j.Journal.Propose(op).OnDone(func(v *meta.Verdict, err error) {
		if j.answers != nil {
			v, err = j.answers(v, err)
		}
		out.Set(v, err)
	})
	return out
}

// landing has the job run on such a journal until its container is settled.
func (b *bed) landing(j *between) jobs.OfferStats {
	b.job.Stop(b.proc.Now().Add(time.Second))
	j.Journal, j.env = b.Control, b.proc
	b.job = land.New(b.proc, j, b.store, land.Source{Cached: func(base.FileRef, int64) []byte { return nil }, Riders: b.store.riders}, land.Pace{}, quiet)
	b.job.Start()
	b.proc.Sleep(time.Minute)
	return b.job.Stats()
}

// A container that is refused, as its records were deleted meanwhile, is deleted again by the one that made it.
func TestRefusedContainerGoes(t *testing.T) {
	tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
		b.ride(100, 0)
		s := b.landing(&between{comes: func() { b.propose(&log.DeleteRecords{ID: b.topic, Index: 0, Offset: 1}) }})
		b.expect("refused", 0, 0)
		if s != (jobs.OfferStats{Uploaded: 1, Refused: 1}) {
			panic(fmt.Sprintf("%+v", s))
		}
	})
}

// One of which nobody knows what became stays: it may have landed. So does one whose command had a verdict that is no longer known,
// and one that the state names whatever the verdict says.
func TestContainerOfUnknownFateStays(t *testing.T) {
	for name, answers := range map[string]func(*meta.Verdict, error) (*meta.Verdict, error){
		"unknown": func(*meta.Verdict, error) (*meta.Verdict, error) {
			return nil, base.Errorf(base.OutcomeUnknown, "scripted")
		},
		"never decided": func(*meta.Verdict, error) (*meta.Verdict, error) {
			return &meta.Verdict{Refused: base.NumberGap}, nil
		},
		"refused, as it is there": func(*meta.Verdict, error) (*meta.Verdict, error) {
			return meta.Refuse(&log.LandFiles{}, base.InvalidRequest, "committed already"), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, admin.AllRoles, land.Pace{}, func(b *bed) {
				b.ride(100, 0)
				s := b.landing(&between{answers: answers})
				b.expect("landed all the same", 0, 1)
				if s != (jobs.OfferStats{Uploaded: 1}) {
					panic(fmt.Sprintf("%+v", s))
				}
			})
		})
	}
}
