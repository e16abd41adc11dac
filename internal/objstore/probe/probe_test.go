package probe_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/fault"
	"github.com/millrace-io/millrace/internal/objstore/filestore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/probe"
)

func run(t *testing.T, s objstore.Store) error {
	t.Helper()
	return probe.Run(t.Context(), env.Real(), s, "nonce1")
}

func TestAGoodStorePassesAndIsLeftEmpty(t *testing.T) {
	files, err := filestore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]objstore.Store{"mem": memstore.New(time.Now), "file": files} {
		t.Run(name, func(t *testing.T) {
			counted := fault.New(s)
			begin := time.Now()
			if err := run(t, counted); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d requests in %v", len(counted.Calls()), time.Since(begin))
			if n := len(counted.Calls()); n > 20 {
				t.Errorf("the probe cost %d requests", n)
			}
			if page, err := s.List(t.Context(), "", "", 10); err != nil || len(page.Entries) != 0 {
				t.Errorf("left behind: %v, %v", page.Entries, err)
			}
		})
	}
}

// broken is a store with some of its methods replaced.
type broken struct {
	objstore.Store
	create func(ctx context.Context, key string, body []byte) (objstore.Meta, error)
	get    func(o objstore.Object, err error) (objstore.Object, error)
	list   func(startAfter string, page objstore.Page) objstore.Page
}

func (s *broken) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	if s.create == nil {
		return s.Store.PutIfAbsent(ctx, key, body)
	}
	return s.create(ctx, key, body)
}

func (s *broken) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	o, err := s.Store.GetRange(ctx, key, off, n)
	if s.get == nil {
		return o, err
	}
	return s.get(o, err)
}

func (s *broken) List(ctx context.Context, prefix, startAfter string, limit int) (objstore.Page, error) {
	if s.list == nil {
		return s.Store.List(ctx, prefix, startAfter, limit)
	}
	page, err := s.Store.List(ctx, prefix, "", limit)
	return s.list(startAfter, page), err
}

func TestAnUnsafeStoreIsRefusedByNameWithTheReason(t *testing.T) {
	exists := &objstore.Error{Kind: objstore.Exists, Op: "put-if-absent", Cause: errors.New("412")}
	for _, c := range []struct {
		name, says string
		breaks     func(mem *memstore.Store) *broken
	}{
		{"ignores conditions", "ignores create-if-absent", func(mem *memstore.Store) *broken {
			return &broken{create: func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
				return mem.Put(ctx, key, body)
			}}
		}},
		{"refuses but writes all the same", "does not hold what its creator wrote", func(mem *memstore.Store) *broken {
			return &broken{create: func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
				_, err := mem.Head(ctx, key)
				if _, err := mem.Put(ctx, key, body); err != nil {
					return objstore.Meta{}, err
				}
				if err == nil {
					return objstore.Meta{}, exists
				}
				return objstore.Meta{}, nil
			}}
		}},
		{"checks first and writes later", "not atomic", func(mem *memstore.Store) *broken {
			var racing sync.WaitGroup
			racing.Add(8)
			return &broken{create: func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
				if _, err := mem.Head(ctx, key); err == nil {
					return objstore.Meta{}, exists
				}
				if strings.HasSuffix(key, "race") {
					racing.Done()
					racing.Wait()
				}
				return mem.Put(ctx, key, body)
			}}
		}},
		{"refuses everybody", "all of 8 concurrent creates", func(mem *memstore.Store) *broken {
			return &broken{create: func(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
				if strings.HasSuffix(key, "race") {
					return objstore.Meta{}, exists
				}
				return mem.PutIfAbsent(ctx, key, body)
			}}
		}},
		{"forgets", "no read-after-write", func(*memstore.Store) *broken {
			return &broken{get: func(objstore.Object, error) (objstore.Object, error) {
				return objstore.Object{}, &objstore.Error{Kind: objstore.NotFound, Op: "get", Cause: errors.New("404")}
			}}
		}},
		{"lists late", "not strongly consistent", func(*memstore.Store) *broken {
			return &broken{list: func(string, objstore.Page) objstore.Page { return objstore.Page{} }}
		}},
		{"lists from the beginning", "ignores start-after", func(*memstore.Store) *broken {
			return &broken{list: func(_ string, page objstore.Page) objstore.Page { return page }}
		}},
		{"ignores ranges", "range of bytes", func(*memstore.Store) *broken {
			return &broken{get: func(o objstore.Object, err error) (objstore.Object, error) {
				if int64(len(o.Body)) != o.SizeBytes {
					o.Body = bytes.Repeat([]byte("x"), int(o.SizeBytes))
				}
				return o, err
			}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := memstore.New(time.Now, memstore.Named("broken-store"))
			s := c.breaks(mem)
			s.Store = mem
			err := run(t, s)
			if !objstore.Is(err, objstore.Fatal) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "mem://broken-store") {
				t.Errorf("probe = %v, want kind %q, the store's name and %q", err, objstore.Fatal, c.says)
			}
			if page, err := mem.List(t.Context(), "", "", 10); err != nil || len(page.Entries) != 0 {
				t.Errorf("left behind: %v, %v", page.Entries, err)
			}
		})
	}
}

func TestAConflictInARaceIsNoFailure(t *testing.T) {
	s := fault.New(memstore.New(time.Now))
	// All racers are told "409, somebody is at it"; one of them had won.
	s.Inject(fault.Fault{Op: "put-if-absent", KeyPrefix: "probe/nonce1-1-race", Times: 8, When: fault.After, Kind: objstore.Ambiguous})
	if err := run(t, s); err != nil {
		t.Errorf("probe = %v, want success", err)
	}
}

// What lies between may try a create twice, and so have its own object refused.
func TestRefusalByOnesOwnObjectIsNoFailure(t *testing.T) {
	for _, key := range []string{"-create", "-race"} {
		s := fault.New(memstore.New(time.Now))
		s.Inject(fault.Fault{Op: "put-if-absent", KeyPrefix: "probe/nonce1-1" + key, Times: 8, When: fault.After, Kind: objstore.Exists})
		if err := run(t, s); err != nil {
			t.Errorf("all creates of %s are told that the object exists, probe = %v, want success", key, err)
		}
	}
}

// simulated probes under a virtual clock, as what fails is tried again for a while.
func simulated(t *testing.T, s objstore.Store) (err error) {
	t.Helper()
	if failed := sim.NewWorld(1).Run(func(main *sim.Proc) { err = probe.Run(t.Context(), main, s, "nonce1") }); failed != nil {
		t.Fatal(failed)
	}
	return err
}

func TestAStoreOutOfReachIsNotCalledUnsafe(t *testing.T) {
	for _, op := range []string{"put-if-absent", "get", "list"} {
		s := fault.New(memstore.New(time.Now))
		s.Inject(fault.Fault{Op: op, Times: -1, Kind: objstore.Throttled})
		if err := simulated(t, s); !objstore.Is(err, objstore.Throttled) || !strings.Contains(err.Error(), "could not be probed") {
			t.Errorf("probe with a throttled %s = %v, want kind %q", op, err, objstore.Throttled)
		}
	}
}

// A request that fails for a moment, at whatever step, says nothing about the store.
func TestAMomentOfTroubleIsRiddenOut(t *testing.T) {
	for _, kind := range []objstore.ErrorKind{objstore.Throttled, objstore.Ambiguous, objstore.Other} {
		for _, key := range []string{"-create", "-race"} {
			for _, times := range []int{1, 3, 8} {
				mem := memstore.New(time.Now)
				s := fault.New(mem)
				s.Inject(fault.Fault{Op: "put-if-absent", KeyPrefix: "probe/nonce1-1" + key, Times: times, Kind: kind})
				if err := simulated(t, s); err != nil {
					t.Errorf("%d creates of %s fail (%v): probe = %v, want success", times, key, kind, err)
				}
			}
		}
	}
}
