package fsck

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/segment"
)

func newBudget(e env.Env) *env.Semaphore { return env.NewSemaphore(e, bytesAtOnce) }

// file checks one data file and the claims on it, which are in order of position. listed is its size in the listing; -1: it is
// not there.
func (k *checker) file(ctx context.Context, f log.File, claims []claim, listed int64, budget *env.Semaphore) (r fileResult) {
	key := segment.Key(f.Ref)
	k.overlaps(&r, key, claims)
	if listed < 0 {
		m, err := k.store.Head(ctx, key)
		if objstore.Is(err, objstore.NotFound) {
			r.add(key, "the file is not there; lost are %s", k.describe(claims))
			return r
		}
		if err != nil {
			r.err = err
			return r
		}
		listed = m.SizeBytes
	}
	if k.opts.Quick {
		if listed != f.SizeBytes {
			r.add(key, "the file has %d bytes, the state says %d; in it lie %s", listed, f.SizeBytes, k.describe(claims))
		}
		return r
	}
	size := min(f.SizeBytes+1, bytesAtOnce)
	_ = budget.Acquire(size, time.Time{}) // without a deadline it cannot fail
	defer budget.Release(size)
	c, err := k.readFile(ctx, key, f)
	if finding(err) {
		r.add(key, "the file is not there; lost are %s", k.describe(claims))
		return r
	}
	if r.err = err; err != nil {
		return r
	}
	r.read = int64(len(c.body))
	k.content(&r, key, c, claims)
	return r
}

func (r *fileResult) add(key, format string, args ...any) {
	r.problems = append(r.problems, Problem{Severity: Damage, Key: key, Text: fmt.Sprintf(format, args...)})
}

// overlaps names bytes that several extents claim. It comes before anything is read.
func (k *checker) overlaps(r *fileResult, key string, claims []claim) {
	for i, far := 1, 0; i < len(claims); i++ {
		a, b := claims[far], claims[i] // of those before b, a reaches farthest
		if a.end() > b.begin() {
			r.add(key, "bytes %d to %d are referred to twice: by %s, and by %s", b.begin(), min(a.end(), b.end()), k.describe(claims[far:far+1]), k.describe(claims[i:i+1]))
		}
		if b.end() > a.end() {
			far = i
		}
	}
	r.ofState = len(r.problems)
}

// content is what was read of a file.
type content struct {
	body   []byte
	parsed *segment.File // nil: damage says why
	damage error
}

// readFile reads and parses a file; once more when it is damaged: a bad read of a good file does not last.
func (k *checker) readFile(ctx context.Context, key string, f log.File) (c content, err error) {
	for range 2 {
		o, err := k.get(ctx, key, int(f.SizeBytes))
		if err != nil {
			return c, err
		}
		c.body = o.Body
		parsed, err := segment.Parse(o.Body)
		switch {
		case beyond(err):
			return c, fmt.Errorf("%s: %w", key, err)
		case int64(len(o.Body)) < f.SizeBytes:
			c.damage = fmt.Errorf("the file has %d bytes, the state says %d", len(o.Body), f.SizeBytes)
		case int64(len(o.Body)) > f.SizeBytes:
			c.damage = fmt.Errorf("the file has more bytes than the %d that the state says", f.SizeBytes)
		case err != nil:
			c.damage = err
		case parsed.Store != f.Ref.Store:
			c.damage = fmt.Errorf("the file says it is of store %d, the state %d", parsed.Store, f.Ref.Store)
		default:
			return content{body: o.Body, parsed: parsed}, nil
		}
	}
	return c, nil
}

// content checks what claims lie in. Of a file that is damaged as a whole it says what is hit, in one problem.
func (k *checker) content(r *fileResult, key string, c content, claims []claim) {
	var hit []string
	for _, x := range claims {
		hit = append(hit, k.extent(r, c, x)...)
	}
	switch {
	case c.damage == nil:
		for _, text := range hit {
			r.add(key, "%s", text)
		}
	case len(hit) == 0:
		r.add(key, "%v; all records that the state has in it are sound: it is the file's header, index or footer that is damaged, or what nobody refers to", c.damage)
	default:
		text := strings.Join(hit[:min(len(hit), describeMost)], "; ")
		if more := len(hit) - describeMost; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
		r.add(key, "%v; damaged in it are %s", c.damage, text)
	}
}

// extent checks the batches of one extent, and gives what is wrong with them.
func (k *checker) extent(r *fileResult, file content, c claim) (wrong []string) {
	name := k.describe([]claim{c})
	if c.end() > int64(len(file.body)) {
		return []string{fmt.Sprintf("%s (bytes %d to %d): they lie behind the file's end", name, c.begin(), c.end())}
	}
	if file.parsed != nil && !k.inChunk(file.parsed, c) {
		return []string{"no chunk of the file's index holds " + name}
	}
	raw := file.body[c.begin():c.end()]
	var records, newest int64 = 0, -1
	for len(raw) > 0 {
		at, from := c.Base+records, c.end()-int64(len(raw))
		b, rest, err := batch.Next(raw)
		if err != nil || b == nil || b.Magic() != 2 || b.LastOffsetDelta() < 0 {
			return append(wrong, fmt.Sprintf("%s offsets %d to %d (bytes %d to %d): no whole batch begins there", k.partition(c.key), at, c.End()-1, from, c.end()))
		}
		if b.ComputeCRC() != b.CRC() {
			wrong = append(wrong, fmt.Sprintf("%s offsets %d to %d (bytes %d to %d): the batch has CRC %08x, its bytes have %08x",
				k.partition(c.key), at, at+int64(b.LastOffsetDelta()), from, from+int64(len(b)), b.CRC(), b.ComputeCRC()))
		}
		records += int64(b.LastOffsetDelta()) + 1
		newest = max(newest, b.MaxTimestamp())
		r.batches++
		raw = rest
	}
	r.records += records
	if records != int64(c.Count) {
		wrong = append(wrong, fmt.Sprintf("%s: the batches hold %d records, the state says %d", name, records, c.Count))
	}
	if newest != c.MaxTimestamp && len(wrong) == 0 {
		wrong = append(wrong, fmt.Sprintf("%s: the batches' highest timestamp is %d, the state says %d", name, newest, c.MaxTimestamp))
	}
	return wrong
}

// inChunk reports whether an extent lies in a chunk of its own partition.
func (k *checker) inChunk(file *segment.File, c claim) bool {
	t, ok := k.state.Log.Topic(c.key.Topic())
	i := sort.Search(len(file.Entries), func(i int) bool { return int64(file.Entries[i].Pos) > c.begin() }) - 1
	if i < 0 || !ok {
		return false
	}
	e := file.Entries[i]
	return c.end() <= int64(e.Pos)+int64(e.Len) && e.Topic == t.ID && e.Partition == c.key.Index()
}

// describeMost is how many extents a text names.
const describeMost = 3

// describe names extents by topic, partition and offsets.
func (k *checker) describe(claims []claim) string {
	text := ""
	for i, c := range claims {
		if i == describeMost {
			return fmt.Sprintf("%s and %d more runs of records", text, len(claims)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s offsets %d to %d", k.partition(c.key), c.Base, c.End()-1)
	}
	return text
}

func (k *checker) partition(key base.PartitionKey) string {
	if t, ok := k.state.Log.Topic(key.Topic()); ok {
		return fmt.Sprintf("%s-%d", t.Name, key.Index())
	}
	return "partition " + key.String()
}
