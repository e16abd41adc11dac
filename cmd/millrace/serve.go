package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/millrace-io/millrace/internal/agent"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/offheap"
	"github.com/millrace-io/millrace/internal/console"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/meter"
	"github.com/millrace-io/millrace/internal/objstore/open"
)

// drainFor is how long a stopping agent takes for what is under way.
const drainFor = 25 * time.Second

// running is an agent with its web side.
type running struct {
	*agent.Agent
	store *meter.Store
	web   *http.Server
	http  string // where the web side is reached, without scheme; empty: nowhere
}

// start brings an agent up from settings. A signal meanwhile is the end of it: nothing is served yet.
func start(ctx context.Context, s *settings, signals <-chan os.Signal, log *slog.Logger) (*running, error) {
	type outcome struct {
		r   *running
		err error
	}
	started := make(chan outcome, 1)
	go func() {
		r, err := bringUp(ctx, s, log)
		started <- outcome{r, err}
	}()
	select {
	case o := <-started:
		return o.r, o.err
	case <-signals:
		return nil, errors.New("ended by a signal before it served")
	}
}

func bringUp(ctx context.Context, s *settings, log *slog.Logger) (*running, error) {
	e := env.Real()
	inner, err := openBucket(ctx, e, s.bucket)
	if err != nil {
		return nil, err
	}
	go limitHeap(ctx, int64(s.memory))
	r := &running{store: meter.New(e, inner)}
	web, err := r.listenWeb(s)
	if err != nil {
		return nil, err
	}
	with, err := s.agentConfig(r.http, log)
	if err != nil {
		return nil, err
	}
	metrics := console.NewMetrics()
	if r.Agent, err = agent.New(ctx, e, r.store, with, metrics); err != nil {
		return nil, err
	}
	if web != nil {
		page := console.New(console.Deps{Provider: r.Agent, Metrics: metrics})
		r.web = &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second}
		go page.Run(ctx)
		go func() {
			if err := r.web.Serve(web); !errors.Is(err, http.ErrServerClosed) {
				log.Error("health, metrics and the status page are not served any more", "address", r.http, "error", err)
			}
		}()
	}
	if err := r.Agent.Start(); err != nil {
		_ = r.stop(true)
		return nil, err
	}
	return r, nil
}

// openBucket opens a bucket. A URL that cannot be meant is a mistake in the command line, as any other value of a flag is.
func openBucket(ctx context.Context, e env.Env, url string) (objstore.Store, error) {
	store, err := open.Open(ctx, e, url)
	var wrong *open.URLError
	if errors.As(err, &wrong) {
		return nil, usagef("--bucket: %v", err)
	}
	return store, err
}

func (r *running) listenWeb(s *settings) (net.Listener, error) {
	if s.http == "off" || s.http == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.http)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for HTTP on %s: %w; choose another address with --http, or --http off", s.http, err)
	}
	r.http = agent.HostPort(l.Addr(), s.advertise)
	return l, nil
}

func (s *settings) agentConfig(web string, log *slog.Logger) (agent.Config, error) {
	roles, err := s.roleBits()
	if err != nil {
		return agent.Config{}, err
	}
	static, err := s.kafkaSettings()
	if err != nil {
		return agent.Config{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(static)) {
		if !config.Acts(name) {
			log.Warn("a Kafka setting has no effect here: it is only described to clients", "setting", name)
		}
	}
	return agent.Config{
		Listen: s.listen, Advertise: s.advertise, Peer: s.peer, HTTP: web, Zone: s.zone, Group: s.agentGroup, Roles: roles,
		BatchTimeout: s.batchTimeout, BatchBytes: int(s.batchBytes), MemoryBytes: int64(s.memory), Kafka: static, Descriptors: descriptors(),
		Rooms: &offheap.Rooms{}, Version: version(), Log: log,
	}, nil
}

// stop ends the agent: drained, or at once. The error says what of draining was not done.
func (r *running) stop(atOnce bool) (err error) {
	if atOnce {
		r.Agent.Kill(time.Now().Add(time.Second))
	} else {
		err = r.Agent.Drain(time.Now().Add(drainFor))
	}
	if r.web != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = r.web.Shutdown(ctx)
	}
	return err
}

// abandonFor is how long an agent that is ended at once may take to let go of its bucket.
const abandonFor = 500 * time.Millisecond

// abandon ends the agent at once, also while it drains, so that it writes no more into a bucket that is about to be removed.
func (r *running) abandon() {
	gone := make(chan struct{})
	go func() {
		_ = r.stop(true)
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(abandonFor):
	}
}

// sameSignal is the time within which two signals are one: timeout(1) and some supervisors signal the process and then
// its group, which the process is in.
const sameSignal = 20 * time.Millisecond

// catchSignals gives the signals that ask the process to end. A broken pipe is not one: it is ignored, so that a write to
// whoever hung up, a client or the reader of the log, is an error of that write and of nothing else. (To be told of
// SIGPIPE would be to be told of every client that goes away.)
func catchSignals() <-chan os.Signal {
	signal.Ignore(syscall.SIGPIPE)
	raw, signals := make(chan os.Signal, 8), make(chan os.Signal, 2)
	signal.Notify(raw, os.Interrupt, syscall.SIGTERM)
	go func() {
		var last time.Time
		for s := range raw {
			if now := time.Now(); now.Sub(last) > sameSignal {
				last = now
				signals <- s
			}
		}
	}()
	return signals
}

// await blocks until a signal asks the agent to end, or it cannot go on; then it drains. A second signal ends it at once.
func (r *running) await(ctx context.Context, signals <-chan os.Signal, log *slog.Logger) error {
	select {
	case <-ctx.Done():
	case s := <-signals:
		log.Info("draining: a second signal ends the agent at once", "signal", s.String())
	case err := <-r.Agent.Failed():
		_ = r.stop(true)
		return err
	}
	drained := make(chan error, 1)
	go func() { drained <- r.stop(false) }()
	select {
	case err := <-drained:
		if err == nil {
			log.Info("drained")
		}
		return err
	case <-signals:
		return errors.New("ended by a second signal before everything under way was answered")
	}
}

func newLogger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, usagef("--log-level %q: want debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}
