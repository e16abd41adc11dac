package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/millrace-io/millrace/bench/host"
	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// applied is a shape of entries.
type applied struct {
	entries, segments, batches int // segments of each entry, batches of each segment
}

func (a applied) appends() int { return a.entries * a.segments * a.batches }

// applyPartitions is how many partitions the appends go round.
const applyPartitions = 100_000

// apply measures on one core what a follower does with an entry, and what a sequencer does before.
func (b *bench) apply() error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, a := range []applied{{100, 100, 50}, {5000, 1, 100}} {
		start, topic, err := applyWorld(applyPartitions)
		if err != nil {
			return err
		}
		payloads, deciding, err := a.write(start, topic)
		if err != nil {
			return err
		}
		replaying, err := replay(start, payloads)
		if err != nil {
			return err
		}
		note := fmt.Sprintf("entries of %d × %d batches, idempotent, %d partitions", a.segments, a.batches, applyPartitions)
		add := func(what string, took time.Duration, least float64) {
			b.report.Add(rig.Row{Section: "apply", What: what, Value: float64(a.appends()) / took.Seconds(), Unit: "appends/s", Least: least, Note: note})
		}
		add("decode and apply", replaying, 200_000)
		add("decide, apply and encode", deciding, 0)
		size := 0
		for _, p := range payloads {
			size += len(p)
		}
		b.report.Add(rig.Row{Section: "apply", What: "of an entry, a batch", Value: float64(size) / float64(a.appends()), Unit: "B", Note: note})
	}
	return nil
}

// applyWorld is a whole state with one agent and one topic.
func applyWorld(partitions int32) (*meta.State, base.TopicID, error) {
	s, topic, rules := meta.New(), base.TopicID{1}, meta.NewRules(nil, nil)
	s.Begin(1, 1_700_000_000_000)
	var p meta.Payload
	register := &admin.Register{Profile: admin.Profile{Kafka: "localhost:9092", Group: "default", Level: meta.FeatureLevel}}
	if err := rig.Decide(s, meta.Command{Op: register}, rules, &p); err != nil {
		return nil, topic, err
	}
	create := meta.Command{From: 1, Number: 1, Op: &log.CreateTopic{Name: "t", ID: topic, Partitions: partitions}}
	return s, topic, rig.Decide(s, create, rules, &p)
}

// write decides the entries, one after another, and gives their payloads.
func (a applied) write(s *meta.State, topic base.TopicID) (payloads [][]byte, took time.Duration, err error) {
	rules := meta.NewRules(nil, nil)
	entries := make([][]meta.Command, a.entries)
	for e := range entries {
		entries[e] = a.commands(e, topic, s.Time+base.Millis(e))
	}
	took, err = onCPU(func() error {
		for _, commands := range entries {
			s = s.Fork()
			s.Begin(s.Slot+1, s.Time+1)
			var p meta.Payload
			for i := range commands {
				if err := rig.Decide(s, commands[i], rules, &p); err != nil {
					return err
				}
			}
			payloads = append(payloads, p.Bytes())
		}
		return nil
	})
	return payloads, took, err
}

// onCPU says how much CPU time f takes, garbage collection included: what else runs on the machine is not in it. It is told in
// hundredths of a second.
func onCPU(f func() error) (time.Duration, error) {
	runtime.GC()
	before, err := host.UsageOf(os.Getpid())
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := host.UsageOf(os.Getpid())
	return after.CPU - before.CPU, err
}

// commands are those of the e-th entry: segments of batches that go round all partitions.
func (a applied) commands(e int, topic base.TopicID, at base.Millis) []meta.Command {
	commands := make([]meta.Command, a.segments)
	for i := range commands {
		n := e*a.segments + i
		op := rig.CommitOf(topic, uint64(n), at, a.batches, func(k int) (int32, int64, int32) {
			place := n*a.batches + k
			return int32(place % applyPartitions), 1, int32(5 * (place / applyPartitions))
		})
		commands[i] = meta.Command{From: 1, Number: uint64(n + 2), Watermark: uint64(n + 1), Op: op}
	}
	return commands
}

// replay is what a follower does with payloads.
func replay(s *meta.State, payloads [][]byte) (time.Duration, error) {
	return onCPU(func() error {
		for _, p := range payloads {
			outcomes, err := meta.DecodeOutcomes(p)
			if err != nil {
				return err
			}
			s = s.Fork()
			s.Begin(s.Slot+1, s.Time+1)
			for i := range outcomes {
				if err := s.Apply(&outcomes[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
