package fetch

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/cache"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/segment"
)

const (
	// filesNamed bounds the damaged files that are counted by name: each is a time series of the metrics.
	filesNamed = 100
	// OtherFiles stands for the rest of them.
	OtherFiles = "other"
	// tellEvery is how often the log tells of one file, and of failures of any other kind: what cannot be read is asked for again
	// many times a second.
	tellEvery = time.Minute
	// lostKept is how long a file that was not to be had behind a barrier too is taken for lost without another one.
	lostKept = 5 * time.Second
)

// alarm counts the reads that met data files which the bucket does not hold as they were written, and tells of them in the log.
type alarm struct {
	env env.Env
	log *slog.Logger

	mu    sync.Mutex
	files map[ill]*casualty // those of OtherFiles are always there
	rest  limiter           // of what fails for other reasons
}

type ill struct {
	file    string // key in the bucket
	missing bool   // else damaged
}

type casualty struct {
	reads  int64
	told   limiter
	lostAt time.Time // when it was last found so behind a barrier
}

// limiter lets a line pass now and then, and counts what it holds back.
type limiter struct {
	next time.Time
	held int
}

// pass tells whether a line may be written now, and for how many events it stands.
func (l *limiter) pass(now time.Time) (events int, ok bool) {
	l.held++
	if now.Before(l.next) {
		return 0, false
	}
	events, l.held, l.next = l.held, 0, now.Add(tellEvery)
	return events, true
}

func newAlarm(e env.Env, log *slog.Logger) *alarm {
	return &alarm{env: e, log: log, files: map[ill]*casualty{{OtherFiles, false}: {}, {OtherFiles, true}: {}}}
}

// casualty gives what is kept of a file; a.mu is held.
func (a *alarm) casualty(file string, missing bool) *casualty {
	k := ill{file, missing}
	c := a.files[k]
	switch {
	case c != nil:
	case len(a.files) >= filesNamed:
		c = a.files[ill{OtherFiles, missing}]
	default:
		c = &casualty{}
		a.files[k] = c
	}
	return c
}

// raise counts and tells of a read that failed. what says what was read, as a logger takes it. A file that may have moved counts
// only when a View from behind a barrier still names it.
func (a *alarm) raise(err error, what ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.env.Now()
	e, ok := errors.AsType[*cache.FileError](err)
	if !ok {
		if n, ok := a.rest.pass(now); ok {
			a.log.Error("records cannot be read", append(what, "reads", n, "error", err)...)
		}
		return
	}
	c := a.casualty(keyOf(e), e.Missing)
	c.reads++
	if e.MayHaveMoved() {
		c.lostAt = now
	}
	text := "a data file in the bucket is damaged: records in it cannot be read; run: millrace fsck"
	switch {
	case e.Slot > 0 && e.Missing:
		text = "a journal entry is missing from the bucket, or not the one in which records ride: they cannot be read; run: millrace fsck"
	case e.Slot > 0:
		text = "a journal entry in the bucket is damaged: records that ride in it cannot be read; run: millrace fsck"
	case e.Missing:
		text = "a data file is missing from the bucket: the records in it cannot be read; run: millrace fsck"
	}
	if n, ok := c.told.pass(now); ok {
		a.log.Error(text, append([]any{"file", keyOf(e), "from", e.From, "to", e.To}, append(what, "reads", n, "error", err)...)...)
	}
}

// keyOf is the key of the object in the bucket that is to blame: of the file, or of the entry that it rides in.
func keyOf(e *cache.FileError) string {
	if e.Slot > 0 {
		return journal.EntryKey(e.Slot)
	}
	return segment.Key(e.File)
}

// isLost reports whether a file was found to be lost behind a barrier a moment ago.
func (a *alarm) isLost(e *cache.FileError) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.files[ill{keyOf(e), e.Missing}]
	return c != nil && a.env.Now().Sub(c.lostAt) < lostKept
}

// mayHaveMoved reports whether err may come of a View that is behind: its file is gone, or damaged in an entry that it may ride in no
// more, and is not known to be lost.
func (a *alarm) mayHaveMoved(err error) bool {
	e, ok := errors.AsType[*cache.FileError](err)
	return ok && e.MayHaveMoved() && !a.isLost(e)
}

// Damage counts the reads that met one file, or OtherFiles.
type Damage struct {
	File    string // key in the bucket
	Missing bool   // else damaged
	Reads   int64
}

// counts gives all files, in order of their keys.
func (a *alarm) counts() []Damage {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Damage, 0, len(a.files))
	for k, c := range a.files {
		all = append(all, Damage{k.file, k.missing, c.reads})
	}
	slices.SortFunc(all, func(x, y Damage) int {
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(number(x.Missing), number(y.Missing)))
	})
	return all
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
