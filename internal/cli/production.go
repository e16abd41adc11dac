package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// distinctFailures bounds how many different errors of one run are told apart.
const distinctFailures = 10

// production counts what became of the records of one produce run.
type production struct {
	client   *kgo.Client
	errs     io.Writer
	patience time.Duration
	started  time.Time
	sent     int64 // lines handed to the client; only the sending goroutine touches it

	mu       sync.Mutex
	progress time.Time // when a record was last settled, or nothing was under way
	records  int64
	bytes    int64
	failed   int64
	failures []failure
}

// failure is one kind of error, with the first line that met it.
type failure struct {
	text  string
	line  int64
	times int64
}

// line is one line of input, without its end.
type line struct {
	number int64
	text   []byte
	err    error
}

// sendLines reads until the input or ctx ends. Records already read live on in work, which outlasts Ctrl-C.
func (p *production) sendLines(ctx, work context.Context, in io.Reader, parse func([]byte) (*kgo.Record, error)) error {
	stop := make(chan struct{})
	defer close(stop)
	lines := readLines(in, stop)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-work.Done():
			return nil
		case l, more := <-lines:
			if !more {
				return nil
			}
			if l.err != nil {
				return fmt.Errorf("reading line %d: %w", l.number, l.err)
			}
			r, err := parse(l.text)
			if err != nil {
				return fmt.Errorf("line %d: %w; nothing after it was sent", l.number, err)
			}
			p.sent++
			p.client.Produce(work, r, func(r *kgo.Record, err error) { p.settled(r, l.number, err) })
		}
	}
}

// readLines reads in the background, so that Ctrl-C is heard while a terminal or pipe is silent.
func readLines(in io.Reader, stop <-chan struct{}) <-chan line {
	lines := make(chan line)
	go func() {
		defer close(lines)
		r := bufio.NewReaderSize(in, 256<<10)
		for n := int64(1); ; n++ {
			text, err := r.ReadBytes('\n')
			if err == io.EOF && len(text) == 0 {
				return
			}
			if err == io.EOF {
				err = nil
			}
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
			select {
			case lines <- line{n, text, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

func (p *production) settled(r *kgo.Record, number int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress = time.Now()
	if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return // given up: report counts it among those not acknowledged
	}
	if err == nil {
		p.records++
		p.bytes += int64(len(r.Key) + len(r.Value))
		return
	}
	p.failed++
	text := sendFailure(err)
	for i := range p.failures {
		if p.failures[i].text == text {
			p.failures[i].times++
			return
		}
	}
	if len(p.failures) < distinctFailures {
		p.failures = append(p.failures, failure{text, number, 1})
	}
}

func sendFailure(err error) string {
	var code *kerr.Error
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		return "the record is larger than the cluster, or --max-bytes, allows (MESSAGE_TOO_LARGE): raise the topic's max.message.bytes and --max-bytes"
	case isUnknownTopic(err):
		return "the topic does not exist, and the cluster does not make topics by itself (UNKNOWN_TOPIC_OR_PARTITION): see \"millrace topic create\""
	case errors.As(err, &code):
		return fmt.Sprintf("%s (%s)", strings.TrimSuffix(code.Description, "."), code.Message)
	}
	return err.Error()
}

// watch gives the context in which records are under way. It ends a while after Ctrl-C, or when nothing was
// acknowledged for too long; its cause says which. Until stop it also keeps a line of progress on a terminal.
func (p *production) watch(ctx context.Context) (work context.Context, stop func()) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	giveUp := context.AfterFunc(ctx, func() {
		time.AfterFunc(farewellTimeout, func() { cancel(fmt.Errorf("interrupted, and not acknowledged within %s", farewellTimeout)) })
	})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(min(p.patience, 500*time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-work.Done():
				return
			case <-tick.C:
				if p.tick() {
					cancel(fmt.Errorf("nothing was acknowledged for %s; is the cluster up?", p.patience))
				}
			}
		}
	}()
	return work, func() {
		giveUp()
		cancel(nil)
		<-gone
	}
}

// tick shows the progress and says whether there has been none for too long.
func (p *production) tick() (stalled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isTerminal(p.errs) {
		perSecond := float64(p.records) / time.Since(p.started).Seconds()
		fmt.Fprintf(p.errs, "\r\x1b[K%d records  %s  %.0f/s", p.records, byteText(p.bytes), perSecond)
	}
	if p.client.BufferedProduceRecords() == 0 {
		p.progress = time.Now()
	}
	return time.Since(p.progress) > p.patience
}

// report prints the counts, and each kind of failure, and says whether all went well. lost is why records were given
// up, if they were.
func (p *production) report(topic string, inputErr, lost error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isTerminal(p.errs) {
		fmt.Fprint(p.errs, "\r\x1b[K")
	}
	fmt.Fprintf(p.errs, "%s (%s) to %s in %s\n", count(int(p.records), "record"), byteText(p.bytes), topic,
		time.Since(p.started).Round(time.Millisecond))
	switch {
	case lost != nil:
		return fmt.Errorf("%s may or may not have been written: %w", count(int(p.sent-p.records-p.failed), "record"), lost)
	case len(p.failures) == 1:
		return fmt.Errorf("%s failed, the first on line %d: %s", count(int(p.failed), "record"), p.failures[0].line, p.failures[0].text)
	case len(p.failures) > 1:
		for _, f := range p.failures {
			fmt.Fprintf(p.errs, "%s, the first on line %d: %s\n", count(int(f.times), "record"), f.line, f.text)
		}
		return fmt.Errorf("%s failed", count(int(p.failed), "record"))
	}
	return inputErr
}

// byteText writes sizes as people read them: 12 B, 3.4 KiB, 1.0 GiB.
func byteText(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 1024 && unit < 4 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, "BKMGT"[unit])
}
