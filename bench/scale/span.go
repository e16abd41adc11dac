package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/bench/rig"
)

// span is what an agent used while something ran.
type span struct {
	took  time.Duration
	cpu   time.Duration
	after host.Usage
}

// during runs f and says what the agent used. The name is that of its profile, if one is asked for.
func (b *bench) during(a *rig.Agent, name string, f func() error) (span, error) {
	before, err := a.Usage()
	if err != nil {
		return span{}, err
	}
	profiled := make(chan error, 1)
	if b.profiles == "" {
		profiled <- nil
	} else {
		go func() {
			path := fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(b.each.Seconds())))
			profiled <- a.Save(path, filepath.Join(b.profiles, name+".pprof"))
		}()
	}
	began := time.Now()
	err = f()
	took := time.Since(began)
	after, usageErr := a.Usage()
	return span{took: took, cpu: after.CPU - before.CPU, after: after}, errors.Join(err, usageErr, <-profiled)
}
