package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// warmUp is how long the load runs before it is measured.
const warmUp = 10 * time.Second

func (b *bench) memory() error {
	bucket, dir, err := b.fileBucket()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, _, err := b.start(bucket)
	if err != nil {
		return err
	}
	defer a.kill()
	l, err := startLoad(a.kafka, b.mbPerSec)
	if err != nil {
		return err
	}
	defer l.stop()
	time.Sleep(warmUp)
	before, err := usageOf(a.cmd.Process.Pid)
	if err != nil {
		return err
	}
	l.measure()
	began := time.Now()
	profiled := b.profile(a)
	time.Sleep(b.load)
	took := time.Since(began)
	moved := l.moved()
	after, err := usageOf(a.cmd.Process.Pid)
	if err != nil {
		return err
	}
	b.addMemory(moved, before, after, took)
	return <-profiled
}

func (b *bench) addMemory(m moved, before, after usage, took time.Duration) {
	add := func(what string, v float64, unit string, most float64, note string) {
		b.report.add(row{Section: "memory", What: what, Value: v, Unit: unit, Most: most, Note: note})
	}
	in, out := float64(m.in)/took.Seconds()/1e6, float64(m.out)/took.Seconds()/1e6
	b.report.add(row{Section: "memory", What: "acknowledged", Value: in, Unit: "MB/s", Least: 0.98 * float64(b.mbPerSec),
		Note: fmt.Sprintf("%d MB/s offered by 4 producers for %v; clients share the machine", b.mbPerSec, took.Round(time.Second))})
	add("consumed", out, "MB/s", 0, "two consumers at the tail")
	add("largest RSS", float64(after.peakBytes)/(1<<20), "MiB", 400, "since the agent's start")
	cpu := (after.cpu - before.cpu).Seconds()
	add("CPU of the agent", cpu/(float64(m.in)/(1<<30)), "s/GiB in and out", 0, fmt.Sprintf("%.0f%% of one core", 100*cpu/took.Seconds()))
	add("produce p50", m.quantile(0.50), "ms", 0, "")
	add("produce p99", m.quantile(0.99), "ms", 0, "")
	if m.failed > 0 {
		b.report.remark(fmt.Sprintf("Memory: %d records were not acknowledged; the first: %v", m.failed, m.failure))
	}
}

// profile has the agent profile itself during the load, if asked for.
func (b *bench) profile(a *agent) <-chan error {
	done := make(chan error, 1)
	if b.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		err := a.save(fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(b.load.Seconds()/2)), filepath.Join(b.profiles, "cpu.pprof"))
		if err == nil {
			err = a.save("/debug/pprof/heap", filepath.Join(b.profiles, "heap.pprof"))
		}
		if err == nil {
			err = a.save("/debug/pprof/allocs", filepath.Join(b.profiles, "allocs.pprof"))
		}
		done <- err
	}()
	return done
}

// usage is what the kernel says of a process.
type usage struct {
	peakBytes int64 // largest RSS
	cpu       time.Duration
}

// ticksPerSecond is the kernel's unit in /proc/PID/stat: USER_HZ, 100 on every architecture Go runs on.
const ticksPerSecond = 100

func usageOf(pid int) (u usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("memory is measured on Linux only: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return u, err
			}
			u.peakBytes = kib << 10
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold spaces
	fields := strings.Fields(rest)
	for _, i := range []int{11, 12} { // user and system time
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return u, nil
}
