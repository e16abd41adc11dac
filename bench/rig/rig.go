package rig

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// Rig is one run of a measuring command: where it works, and what it has to clean up.
type Rig struct {
	work   string // removed in the end
	binary string // empty: to be built

	mu       sync.Mutex
	cleanups []func()
}

// New makes a folder below dir to work in. binary is the millrace to measure; empty: one is built. Close ends it, and so does
// Ctrl-C.
func New(dir, name, binary string) (*Rig, error) {
	work, err := os.MkdirTemp(dir, "millrace-"+name+"-")
	if err != nil {
		return nil, err
	}
	r := &Rig{work: work, binary: binary}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		r.Close()
		os.Exit(130)
	}()
	return r, nil
}

// Later has f called when the measurement under way has ended.
func (r *Rig) Later(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// Cleanup ends a measurement.
func (r *Rig) Cleanup() {
	r.mu.Lock()
	list := r.cleanups
	r.cleanups = nil
	r.mu.Unlock()
	for _, f := range slices.Backward(list) {
		f()
	}
}

// Close leaves nothing behind.
func (r *Rig) Close() {
	r.Cleanup()
	_ = os.RemoveAll(r.work)
}

// TempDir makes a folder that goes with the rig.
func (r *Rig) TempDir(name string) (string, error) { return os.MkdirTemp(r.work, name+"-") }

// FileBucket makes a folder and gives the URL of the bucket in it.
func (r *Rig) FileBucket() (url, dir string, err error) {
	dir, err = r.TempDir("bucket")
	return "file://" + dir, dir, err
}
