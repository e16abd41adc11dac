package memstore_test

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) objstore.Store { return memstore.New(time.Now) })
}

func TestTheClockIsTheGivenOne(t *testing.T) {
	now := time.Unix(1000, 0)
	s := memstore.New(func() time.Time { return now })
	if _, err := s.Put(t.Context(), "k", nil); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	meta, err := s.Head(t.Context(), "k")
	if err != nil || !meta.LastModified.Equal(time.Unix(1000, 0)) || !meta.Date.Equal(now) {
		t.Errorf("Head = %+v, %v; want an object of an hour ago", meta, err)
	}
}

func TestInfo(t *testing.T) {
	if got, want := memstore.New(time.Now).Info(), (objstore.Info{URL: "mem://", SteadyClock: true}); got != want {
		t.Errorf("Info = %+v, want %+v", got, want)
	}
	got := memstore.New(time.Now, memstore.UnsteadyClock(), memstore.Named("demo")).Info()
	if want := (objstore.Info{URL: "mem://demo", SteadyClock: false}); got != want {
		t.Errorf("Info = %+v, want %+v", got, want)
	}
}
