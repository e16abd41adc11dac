package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/millrace-io/millrace/bench/host"
)

// pinnedMark is set in the environment of a command that keeps to its cores already.
const pinnedMark = "MILLRACE_COMPARE_PINNED"

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	exitOn(err, 2)
	exitOn(o.pinSelf(), 1)
	exitOn(run(o, os.Stdout), 1)
}

// exitOn ends the command if there is an error: with 2 if it was called wrongly, as millrace does, with 1 otherwise.
func exitOn(err error, code int) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(code)
	}
}

// pinSelf starts the command again on the clients' cores: a runtime counts its cores as it starts.
func (o *options) pinSelf() error {
	if !o.pin || os.Getenv(pinnedMark) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	argv := host.On(o.clientCores, append([]string{self}, os.Args[1:]...))
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, argv, append(os.Environ(), pinnedMark+"=1"))
}

// compare is one run of the command: what it was asked for, what it found.
type compare struct {
	options
	report  *report
	work    string // removed in the end
	binary  string // of millrace
	records string // a file of records for Kafka's producer tool
	repo    string // root of the work tree
	began   time.Time
	server  *server                    // that runs now; nil: none
	tool    atomic.Pointer[os.Process] // of Kafka, that runs now; nil: none

	serverOn, clientOn []int // cores; all of them without pin
}

func run(o options, out io.Writer) (err error) {
	c := &compare{options: o, began: time.Now()}
	if c.work, err = os.MkdirTemp(o.dir, "millrace-compare-"); err != nil {
		return err
	}
	defer c.close()
	c.closeOnSignal()
	if err := c.prepare(); err != nil {
		return err
	}
	err = c.turns()
	return errors.Join(err, c.report.print(out))
}

// prepare brings what all turns need.
func (c *compare) prepare() (err error) {
	if c.repo, err = repoRoot(); err != nil {
		return err
	}
	if err := c.placeCores(); err != nil {
		return err
	}
	for _, dir := range []string{c.reports, c.profiles} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := c.installKafka(); err != nil {
		return err
	}
	if c.binary, err = host.Build(c.work); err != nil {
		return err
	}
	if c.records, err = writeRecords(c.work); err != nil {
		return err
	}
	c.report, err = c.newReport()
	return err
}

// placeCores says on which cores server and clients run.
func (c *compare) placeCores() (err error) {
	if !c.pin {
		c.serverCores = fmt.Sprintf("0-%d", host.Cores()-1)
		c.clientCores = c.serverCores
	}
	if c.serverOn, err = host.CoreList(c.serverCores); err != nil {
		return err
	}
	c.clientOn, err = host.CoreList(c.clientCores)
	return err
}

// fill fills the machine's memory, if that was asked for. What the turn before has left is free again.
func (c *compare) fill() error {
	if !c.fillMemory {
		return nil
	}
	c.say("  memory")
	size, err := host.FillMemory(filepath.Join(c.work, "filler"))
	if err == nil {
		c.say("    %d MiB filled", size>>20)
	}
	return err
}

// turns takes them all. What one of them measured before it failed is kept.
func (c *compare) turns() error {
	for _, partitions := range c.partitions {
		for round := range c.rounds {
			for _, s := range c.systems {
				c.say("%d partitions, round %d of %d, %s", partitions, round+1, c.rounds, s.name)
				if err := c.fill(); err != nil {
					return err
				}
				err := c.turn(s, partitions, round)
				c.report.complete()
				// After each turn, so that a run that is ended early is not for nothing.
				if err = errors.Join(err, c.report.save(c.json), c.report.saveMarkdown(c.markdown)); err != nil {
					return fmt.Errorf("%s, %d partitions, round %d: %w", s.name, partitions, round+1, err)
				}
			}
		}
	}
	return nil
}

// say tells of the progress.
func (c *compare) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6s  %s\n", time.Since(c.began).Round(time.Second), fmt.Sprintf(format, args...))
}

func (c *compare) close() {
	if p := c.tool.Load(); p != nil {
		_ = p.Kill() // it may have ended
	}
	if c.server != nil {
		c.server.kill()
	}
	_ = os.RemoveAll(c.work)
}

// closeOnSignal leaves nothing behind on Ctrl-C.
func (c *compare) closeOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		c.close()
		os.Exit(130)
	}()
}
