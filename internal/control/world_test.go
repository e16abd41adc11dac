package control_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env/sim"
	"github.com/millrace-io/millrace/internal/control"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/memstore"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/peer"
)

// world is a bucket and agents under a virtual clock.
type world struct {
	*testing.T
	w      *sim.World
	main   *sim.Proc
	bucket objstore.Store
	pause  func(key string) time.Duration // how long a request of that key takes beside the usual
}

// inWorld runs f in a world of its own, within an hour of virtual time.
func inWorld(t *testing.T, seed uint64, f func(w *world)) {
	t.Helper()
	x := &world{T: t, w: sim.NewWorld(seed)}
	x.bucket = memstore.New(func() time.Time { return time.Unix(1_700_000_000, 0).Add(x.w.Elapsed()).Truncate(time.Second) })
	err := x.w.RunFor(3*time.Hour, func(main *sim.Proc) {
		x.main = main
		f(x)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// slow is the bucket as a process reaches it: each request takes 10 ms.
type slow struct {
	objstore.Store
	p *sim.Proc
	x *world
}

func (s *slow) wait(key string) {
	d := 10 * time.Millisecond
	if s.x.pause != nil {
		d += s.x.pause(key)
	}
	s.p.Sleep(d)
}

func (s *slow) PutIfAbsent(ctx context.Context, key string, body []byte) (objstore.Meta, error) {
	s.wait(key)
	return s.Store.PutIfAbsent(ctx, key, body)
}

func (s *slow) GetRange(ctx context.Context, key string, off, n int64) (objstore.Object, error) {
	s.wait(key)
	return s.Store.GetRange(ctx, key, off, n)
}

// inhabitant is an agent of a world.
type inhabitant struct {
	*control.Control
	x     *world
	p     *sim.Proc
	node  *peer.Node
	meter *meter.Store
	rode  map[base.FileRef][]byte // what rode in entries that this agent applied as they came
}

// join starts an agent in a process of its own.
func (x *world) join(name string, peers bool, roles admin.Roles) *inhabitant {
	a := &inhabitant{x: x, p: x.w.Proc(name), rode: map[base.FileRef][]byte{}}
	started := false
	a.p.Go("agent", func() {
		quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
		a.meter = meter.New(a.p, &slow{x.bucket, a.p, x})
		cluster, err := journal.OpenCluster(context.Background(), a.p, a.meter)
		if err != nil {
			x.Error(err)
			return
		}
		config := control.Config{Profile: admin.Profile{Kafka: name, Roles: roles}, W: journal.W, Log: quiet,
			Rode: func(ref base.FileRef, body []byte) { a.rode[ref] = bytes.Clone(body) }}
		var links control.Peers
		if peers {
			if a.node, err = peer.Listen(a.p, ":9094", cluster.ID, quiet); err != nil {
				x.Error(err)
				return
			}
			config.Profile.Peer, links = name+":9094", a.node
		}
		a.Control = control.New(a.p, a.meter, cluster, config, links)
		a.Subscribe(a.holds)
		if a.node != nil {
			a.node.Start(a.Control, a.Control.Self)
		}
		if err := a.Start(); err != nil {
			x.Error(err)
		}
		started = true
	})
	for !started {
		x.main.Sleep(10 * time.Millisecond)
	}
	return a
}

// requests counts what an agent has asked of the bucket so far.
func (a *inhabitant) requests() (n int) {
	for _, op := range a.meter.Snapshot() {
		n += int(op.Requests)
	}
	return n
}

// within waits until ok, and gives how long that took; it fails after limit.
func (x *world) within(limit time.Duration, what string, ok func() bool) time.Duration {
	x.Helper()
	began := x.w.Elapsed()
	for !ok() {
		if x.w.Elapsed()-began > limit {
			x.Errorf("seed %d: not so after %v: %s", x.w.Seed(), limit, what)
			return limit
		}
		x.main.Sleep(20 * time.Millisecond)
	}
	return x.w.Elapsed() - began
}

// serve has an agent commit something every 100 ms, as one under load does, until it is killed. It counts what got
// through.
func (a *inhabitant) serve(done *int) {
	a.p.Go("load", func() {
		for n := 1; ; n++ {
			a.Active()
			ulid := base.ULID{14: byte(n >> 8), 15: byte(n)}
			copy(ulid[8:], a.p.Name())
			op := &log.CommitSegment{File: base.FileRef{ID: ulid}, SizeBytes: 10, LastModified: a.Now()}
			if v, err := a.Propose(op).Wait(time.Time{}); err == nil && v.Kind() == base.OK {
				*done++
			}
			a.p.Sleep(100 * time.Millisecond)
		}
	})
}

func live(i base.Incarnation, agents ...*inhabitant) bool {
	for _, a := range agents {
		if a.View().Admin.Live(i) {
			return true
		}
	}
	return false
}

// What an idle cluster costs: requests a minute, over a virtual hour, snapshots and sweeps included. In the end with a consumer that waits
// at one agent, and asks another for metadata every 5 minutes as franz-go does, on a bucket whose clock is not taken for steady. (Each
// agent's look at cluster.json every 3 minutes, one request a minute for three agents, is not control's.)
func TestIdleCost(t *testing.T) {
	for _, c := range []struct {
		agents, most    int
		peers, consumer bool
	}{{1, 10, false, false}, {3, 30, false, false}, {1, 10, true, false}, {3, 30, true, false}, {3, 30, false, true}} {
		t.Run(fmt.Sprintf("%d agents, peers %t, consumer %t", c.agents, c.peers, c.consumer), func(t *testing.T) {
			inWorld(t, 1, func(x *world) {
				if c.consumer {
					x.bucket = unsteady{x.bucket}
				}
				var all []*inhabitant
				for n := range c.agents {
					all = append(all, x.join(fmt.Sprintf("a%d", n), c.peers, admin.AllRoles))
				}
				if c.consumer {
					all[0].Interest(1)
				}
				x.main.Sleep(time.Minute)
				before := counts(all)
				const minutes = 60
				for minute := range minutes {
					if c.consumer && minute%5 == 0 {
						all[1].Suspect()
					}
					x.main.Sleep(time.Minute)
				}
				mean, kinds := 0.0, ""
				for op, n := range counts(all) {
					if each := float64(n-before[op]) / minutes; each > 0 {
						mean, kinds = mean+each, kinds+fmt.Sprintf(" %s %.2f", op, each)
					}
				}
				t.Logf("%.1f requests a minute:%s", mean, kinds)
				if mean > float64(c.most) || mean < 1 {
					t.Errorf("%.1f requests a minute, want at most %d", mean, c.most)
				}
				for _, a := range all {
					if n := len(a.View().Admin.Agents()); n != c.agents || a.Self() > base.Incarnation(c.agents) {
						t.Errorf("%d agents are registered, and this one is %d: some were expired while alive", n, a.Self())
					}
				}
			})
		})
	}
}

// unsteady is a bucket whose clock may step back.
type unsteady struct{ objstore.Store }

func (u unsteady) Info() objstore.Info {
	info := u.Store.Info()
	info.SteadyClock = false
	return info
}

// counts adds up the requests of agents so far, by kind.
func counts(all []*inhabitant) map[string]int {
	sum := map[string]int{}
	for _, a := range all {
		for _, op := range a.meter.Snapshot() {
			sum[op.Name] += int(op.Requests)
		}
	}
	return sum
}

// An agent that dies under load is out of the way within 12 s for others that have nothing but the bucket, and within
// 5 s for those that are linked.
func TestDeadAgentIsNoticed(t *testing.T) {
	for _, c := range []struct {
		peers bool
		most  time.Duration
	}{{false, 12 * time.Second}, {true, 5 * time.Second}} {
		for seed := range uint64(8) {
			inWorld(t, seed, func(x *world) {
				all := []*inhabitant{x.join("a", c.peers, admin.AllRoles), x.join("b", c.peers, admin.AllRoles), x.join("c", c.peers, admin.AllRoles)}
				var counts [3]int
				for n, a := range all {
					a.serve(&counts[n])
				}
				x.main.Sleep(30*time.Second + x.w.Between(0, 5*time.Second))
				victim := int(seed) % 3
				dead := all[victim].Self()
				all[victim].p.Kill()
				rest := append(append([]*inhabitant{}, all[:victim]...), all[victim+1:]...)
				took := x.within(c.most, fmt.Sprintf("agent %d, peers %t, is expired everywhere", dead, c.peers), func() bool { return !live(dead, rest...) })
				x.Logf("peers %t, seed %d: %v", c.peers, seed, took)
				before := counts
				x.main.Sleep(5 * time.Second)
				for n := range all {
					if n != victim && counts[n] < before[n]+10 {
						x.Errorf("seed %d: agent %d does not get on: %d commands in 5 s", seed, n, counts[n]-before[n])
					}
				}
			})
		}
	}
}

// An idle agent that died without a peer to notice is challenged when a client asks around, and one that lives shows it.
func TestIdleAgentIsChallenged(t *testing.T) {
	for seed := range uint64(5) {
		inWorld(t, seed, func(x *world) {
			a, b, c := x.join("a", false, admin.AllRoles), x.join("b", false, admin.AllRoles), x.join("c", false, admin.AllRoles)
			x.main.Sleep(5*time.Minute + x.w.Between(0, time.Minute))
			dead := b.Self()
			b.p.Kill()
			x.main.Sleep(time.Second)
			took := x.within(18*time.Second, "the dead agent is expired", func() bool { c.Suspect(); return !live(dead, c) })
			x.Logf("seed %d: %v", seed, took)
			x.main.Sleep(time.Minute)
			for range 600 { // clients that ask all the time
				a.Suspect()
				c.Suspect()
				x.main.Sleep(time.Second)
			}
			if !live(1, a, c) || !live(3, a, c) || a.Self() != 1 || c.Self() != 3 {
				x.Errorf("seed %d: an agent that lives was expired: they are %d and %d now", seed, a.Self(), c.Self())
			}
		})
	}
}

// Nobody asked: the dead idle agent stays for its long lease. That is what the challenge is for.
func TestIdleLeaseWithoutChallenge(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a, b := x.join("a", false, admin.AllRoles), x.join("b", false, admin.AllRoles)
		x.main.Sleep(5 * time.Minute)
		b.p.Kill()
		x.main.Sleep(30 * time.Second)
		if !live(2, a) {
			t.Error("an idle agent was expired before its time")
		}
		x.within(5*time.Minute, "it is expired at the end of its lease", func() bool { return !live(2, a) })
	})
}

// A clock that is wrong, or runs wrong, expires nobody, and its own agent is not expired either.
func TestWrongClockExpiresNobody(t *testing.T) {
	for name, spoil := range map[string]func(p *sim.Proc){
		"ahead":      func(p *sim.Proc) { p.SetClockSkew(24 * time.Hour) },
		"behind":     func(p *sim.Proc) { p.SetClockSkew(-24 * time.Hour) },
		"twice fast": func(p *sim.Proc) { p.SetClockDrift(1_000_000) },
		"half":       func(p *sim.Proc) { p.SetClockDrift(-500_000) },
	} {
		for _, peers := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, peers %t", name, peers), func(t *testing.T) {
				inWorld(t, 3, func(x *world) {
					all := []*inhabitant{x.join("a", peers, admin.AllRoles), x.join("b", peers, admin.AllRoles), x.join("c", peers, admin.AllRoles)}
					var done int
					all[2].serve(&done)
					spoil(all[1].p)
					x.main.Sleep(10 * time.Minute)
					for n, a := range all {
						if a.Self() != base.Incarnation(n+1) {
							t.Errorf("agent %d is %d by now", n+1, a.Self())
						}
					}
					if done == 0 {
						t.Error("no load")
					}
				})
			})
		}
	}
}

// A process that stood still for long finds itself expired, registers anew, and expires nobody.
func TestStalledAgentComesBack(t *testing.T) {
	for _, suspend := range []bool{false, true} {
		inWorld(t, 4, func(x *world) {
			all := []*inhabitant{x.join("a", false, admin.AllRoles), x.join("b", false, admin.AllRoles), x.join("c", false, admin.AllRoles)}
			var counts [3]int
			for n, a := range all {
				a.serve(&counts[n])
			}
			x.main.Sleep(time.Minute)
			if suspend {
				all[1].p.Suspend(time.Minute)
			} else {
				all[1].p.Pause(time.Minute)
			}
			x.main.Sleep(2 * time.Minute)
			if all[0].Self() != 1 || all[2].Self() != 3 || all[1].Self() != 4 {
				x.Errorf("suspended %t: agents are %d, %d, %d", suspend, all[0].Self(), all[1].Self(), all[2].Self())
			}
			before := counts[1]
			x.main.Sleep(5 * time.Second)
			if counts[1] <= before {
				x.Errorf("suspended %t: the agent does nothing any more", suspend)
			}
		})
	}
}

// A follower whose client only reads keeps its registration, though it hears nothing of the bucket's time.
func TestReadingFollowerStaysRegistered(t *testing.T) {
	inWorld(t, 5, func(x *world) {
		x.join("a", true, admin.AllRoles)
		b := x.join("b", true, admin.AllRoles)
		for range 300 {
			b.Active()
			x.main.Sleep(time.Second)
		}
		if b.Self() != 2 {
			x.Errorf("the follower is %d by now", b.Self())
		}
	})
}

// stuck has the bucket hang for the entries that the sequencer (process a) writes; the others are not hindered.
func stuck(x *world, p *sim.Proc, f func()) {
	p.Pause(3 * time.Second) // its links stay up: silence is 4 s
	f()
}

// A sequencer that stands still holds its followers up for a moment only: commands, barriers and reading go on.
func TestStuckSequencerIsBypassed(t *testing.T) {
	for seed := range uint64(5) {
		inWorld(t, seed, func(x *world) {
			a, b, c := x.join("a", true, admin.AllRoles), x.join("b", true, admin.AllRoles), x.join("c", true, admin.AllRoles)
			var done int
			b.serve(&done)
			x.main.Sleep(10 * time.Second)
			wonBefore, before := b.Stats().EntriesWon, done
			stuck(x, a.p, func() {
				began := x.w.Elapsed()
				answered := false
				c.p.Go("barrier", func() {
					_, err := c.Barrier(c.p.Now().Add(time.Minute))
					answered = err == nil
				})
				x.within(1500*time.Millisecond, "a barrier is answered without the sequencer", func() bool { return answered })
				x.main.Sleep(began + 3500*time.Millisecond - x.w.Elapsed())
			})
			if done == before || b.Stats().EntriesWon == wonBefore {
				x.Errorf("seed %d: %d commands done while the sequencer stood still, %d entries written around it", seed, done-before, b.Stats().EntriesWon-wonBefore)
			}
			x.main.Sleep(30 * time.Second)
			wonBefore, before = b.Stats().EntriesWon, done
			x.main.Sleep(10 * time.Second)
			if b.Stats().EntriesWon != wonBefore || done < before+30 {
				x.Errorf("seed %d: afterwards the follower wrote %d entries itself; %d commands done", seed, b.Stats().EntriesWon-wonBefore, done-before)
			}
			for n, s := range []*inhabitant{a, b, c} {
				if s.Self() != base.Incarnation(n+1) {
					x.Errorf("seed %d: agent %d was expired for a pause of 3 s", seed, n+1)
				}
			}
		})
	}
}

// An agent under constant load of its own serves its followers all the same.
func TestSequencerUnderLoadHearsFollowers(t *testing.T) {
	inWorld(t, 6, func(x *world) {
		a := x.join("a", true, admin.AllRoles)
		b := x.join("b", true, admin.AllRoles)
		var counts [20]int
		for n := range counts { // at any time some of these wait
			a.p.Go("load", func() {
				for {
					if v, err := a.Propose(&admin.Renew{}).Wait(time.Time{}); err == nil && v.Kind() == base.OK {
						counts[n]++
					}
				}
			})
		}
		x.main.Sleep(5 * time.Second)
		done, won := 0, b.Stats().EntriesWon
		b.serve(&done)
		x.main.Sleep(10 * time.Second)
		if done < 50 || b.Stats().EntriesWon != won {
			x.Errorf("%d commands of the follower got through in 10 s; it wrote %d entries itself", done, b.Stats().EntriesWon-won)
		}
	})
}

// The first command of an agent that has just registered is not passed over as nobody's: its sequencer, which has not read of it yet, does.
func TestNewcomerIsMet(t *testing.T) {
	for seed := range uint64(20) {
		inWorld(t, seed, func(x *world) {
			a := x.join("a", true, admin.AllRoles)
			if seed%2 == 1 { // else it looks at the journal for nobody
				var done int
				a.serve(&done)
			}
			x.main.Sleep(time.Duration(1000+37*seed) * time.Millisecond)
			b := x.join("b", true, admin.AllRoles)
			var first int
			b.serve(&first)
			took := x.within(10*time.Second, "its command is answered", func() bool { return first > 0 })
			if n := b.Stats().Bypassed; took > time.Second || n > 0 {
				x.Errorf("seed %d: the first command of a newcomer took %v; it gave its sequencer up %d times", seed, took, n)
			}
		})
	}
}

// Who proposes: the oldest with the role in the group, if it is reached by links.
func TestWhoIsTheSequencer(t *testing.T) {
	inWorld(t, 7, func(x *world) {
		noSeq := admin.AllRoles &^ admin.RoleSequence
		a, b, c, d := x.join("a", true, noSeq), x.join("b", true, admin.AllRoles), x.join("c", true, admin.AllRoles), x.join("d", false, admin.AllRoles)
		x.main.Sleep(15 * time.Second)
		for _, k := range []struct {
			a    *inhabitant
			want base.Incarnation
		}{{a, 2}, {b, 2}, {c, 2}, {d, 4}} {
			if got := k.a.Sequencer(); got != k.want {
				x.Errorf("agent %d has sequencer %d, want %d", k.a.Self(), got, k.want)
			}
		}
		b.p.Kill()
		x.main.Sleep(15 * time.Second)
		if a.Sequencer() != 3 || c.Sequencer() != 3 {
			x.Errorf("after its death: %d and %d, want 3", a.Sequencer(), c.Sequencer())
		}
	})
}

// Somebody who begins to wait for records sees those of an agent out of reach soon, though he began while it was quiet.
func TestInterestIsHeeded(t *testing.T) {
	inWorld(t, 8, func(x *world) {
		a, b := x.join("a", false, admin.AllRoles), x.join("b", false, admin.AllRoles)
		var done int
		b.serve(&done)
		x.main.Sleep(30 * time.Second)
		a.Interest(1)
		x.main.Sleep(300 * time.Millisecond)
		before := a.View().Slot
		x.within(time.Second, "entries of the other come", func() bool { return a.View().Slot >= before+3 })
		a.Interest(-1)
	})
}

// What follows from a command may be too much for an entry: it is refused, its followers are decided, the agent lives.
func TestCommandTooBigForAnEntry(t *testing.T) {
	for _, peers := range []bool{false, true} {
		inWorld(t, 9, func(x *world) {
			first := x.join("a", peers, admin.AllRoles)
			a := x.join("b", peers, admin.AllRoles)
			x.main.Sleep(2 * time.Second)
			huge := &log.CommitSegment{File: base.FileRef{ID: base.ULID{1}}, SizeBytes: 1 << 40, LastModified: a.Now()}
			id := base.TopicID{7}
			for n := range 300_000 {
				huge.Batches = append(huge.Batches, log.Batch{Topic: id, Len: 1, Pos: uint32(n), Count: 1, ProducerID: -1})
			}
			done := false
			a.p.Go("test", func() {
				var got [3]base.Kind
				for n, op := range []meta.Op{&log.CreateTopic{Name: "t", ID: id, Partitions: 1}, huge, &admin.Renew{}} {
					v, err := a.Propose(op).Wait(a.p.Now().Add(time.Minute))
					if err != nil {
						x.Error(err)
						return
					}
					got[n] = v.Kind()
				}
				if got != [3]base.Kind{base.OK, base.MessageTooLarge, base.OK} {
					x.Errorf("peers %t: verdicts %v", peers, got)
				}
				done = true
			})
			x.within(2*time.Minute, "all is decided", func() bool { return done })
			if a.Err() != nil || first.Err() != nil {
				x.Errorf("the agents ended: %v, %v", a.Err(), first.Err())
			}
		})
	}
}

// When the loop ends, nobody waits for ever: not for a barrier, not for a verdict.
func TestStopAnswersBarriersAndCalls(t *testing.T) {
	inWorld(t, 10, func(x *world) {
		a := x.join("a", false, admin.AllRoles)
		x.main.Sleep(time.Second)
		x.pause = func(string) time.Duration { return 5 * time.Second }
		answers := 0
		a.p.Go("barrier", func() {
			if _, err := a.Barrier(time.Time{}); base.KindOf(err) == base.Stopping {
				answers++
			}
		})
		a.p.Go("call", func() {
			if _, err := a.Propose(&admin.Renew{}).Wait(time.Time{}); base.KindOf(err) == base.Stopping {
				answers++
			}
		})
		x.main.Sleep(time.Second)
		a.p.Go("kill", func() { a.Kill(a.p.Now().Add(10 * time.Second)) })
		x.within(20*time.Second, "both are answered", func() bool { return answers == 2 })
	})
}

// An agent that leaves is gone at once, and takes nothing more.
func TestLeaving(t *testing.T) {
	inWorld(t, 11, func(x *world) {
		a, b := x.join("a", true, admin.AllRoles), x.join("b", true, admin.AllRoles)
		x.main.Sleep(5 * time.Second)
		stopped := false
		b.p.Go("stop", func() {
			b.p.Go("late", func() {
				b.p.Sleep(time.Millisecond)
				if _, err := b.Propose(&admin.Renew{}).Wait(b.p.Now().Add(time.Minute)); base.KindOf(err) != base.Stopping {
					x.Errorf("a late command: %v", err)
				}
			})
			b.Stop(b.p.Now().Add(10 * time.Second))
			stopped = true
		})
		x.within(2*time.Second, "it has left", func() bool { return stopped && !live(2, a) })
	})
}

// A sequencer that leaves takes the links along that would have told of its last entries. Who followed it names nobody to
// clients that is not there any more.
func TestSequencerLeaves(t *testing.T) {
	for seed := range uint64(20) {
		inWorld(t, seed, func(x *world) {
			a, b, c := x.join("a", true, admin.AllRoles), x.join("b", true, admin.AllRoles), x.join("c", true, admin.AllRoles)
			x.main.Sleep(time.Duration(5000+7*seed) * time.Millisecond)
			stopped := false
			a.p.Go("stop", func() {
				a.Stop(a.p.Now().Add(10 * time.Second))
				stopped = true
			})
			x.within(2*time.Second, "it has stopped", func() bool { return stopped })
			a.p.Kill()
			x.within(100*time.Millisecond, "those that followed it know", func() bool { return !live(1, b, c) })
			x.within(200*time.Millisecond, "one follows the other", func() bool { return b.Sequencer() == 2 && c.Sequencer() == 2 })
		})
	}
}

// A command that waited too long for its turn never comes to life: its client has given up and may have asked another.
func TestCommandThatWaitedTooLongIsDropped(t *testing.T) {
	inWorld(t, 1, func(x *world) {
		a := x.join("a", false, admin.AllRoles)
		x.pause = func(key string) time.Duration { return 40 * time.Second }
		topic := func(name string) meta.Op {
			return &log.CreateTopic{Name: name, ID: base.TopicID{name[0]}, Partitions: 1}
		}
		first := a.Propose(topic("first"))
		x.main.Sleep(time.Second)
		second := a.Propose(topic("second"))
		x.main.Sleep(time.Second)
		x.pause = nil
		if v, err := first.Wait(time.Time{}); err != nil || v.Kind() != base.OK {
			x.Errorf("the command under way: %v %v", v, err)
		}
		if v, err := second.Wait(time.Time{}); base.KindOf(err) != base.RequestTimedOut {
			x.Errorf("the command that waited: %v %v, want a time-out", v, err)
		}
		v, err := a.Propose(topic("third")).Wait(time.Time{})
		if err != nil || v.Kind() != base.OK {
			x.Errorf("the next command: %v %v", v, err)
		}
		if _, ok := a.View().Log.TopicByName("second"); ok {
			x.Error("the command that had failed happened")
		}
	})
}
