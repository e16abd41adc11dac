package fetch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/fetch"
	"github.com/millrace-io/millrace/internal/ingest"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/segment"
)

// files are the keys of the data files, in the order they were made.
func (b *bed) files() (keys []string) {
	b.Helper()
	v := b.control.View()
	for n := uint64(1); ; n++ {
		f, ok := v.Log.File(n)
		if !ok {
			return keys
		}
		keys = append(keys, segment.Key(f.Ref))
	}
}

// damage changes an object for good.
func (b *bed) damage(key string, edit func(body []byte) []byte) {
	b.Helper()
	o, err := b.store.GetRange(b.Context(), key, 0, -1)
	if err == nil {
		_, err = b.store.Put(b.Context(), key, edit(append([]byte(nil), o.Body...)))
	}
	if err != nil {
		b.Fatal(err)
	}
}

// alarms gives the counts that are not zero.
func (b *bed) alarms() (list []fetch.Damage) {
	for _, d := range b.fetch.Stats().Damage {
		if d.Reads > 0 {
			list = append(list, d)
		}
	}
	return list
}

// lines counts the lines of the log that hold all of the words.
func (b *bed) lines(words ...string) (n int) {
line:
	for _, line := range strings.Split(b.log.String(), "\n") {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue line
			}
		}
		n++
	}
	return n
}

// One Fetch of three partitions whose records lie in one file: the damaged batch is refused, all else is served, and whoever
// seeks past the damage reads on. The alarm names file and range, once, however often the client comes back.
func TestDamageIsOfOnePartition(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 3)
	var list []ingest.Batch
	for p := range int32(3) {
		for _, raw := range []batch.Batch{plain(0, 3, 0), plain(3, 3, 0)} {
			list = append(list, ingest.Batch{Topic: id, Partition: p, Bytes: raw, Info: info(raw)})
		}
	}
	if _, err := b.ingest.Append(list).Wait(soon()); err != nil || len(b.files()) != 1 {
		t.Fatalf("%d files, %v", len(b.files()), err)
	}
	b.damage(b.files()[0], func(body []byte) []byte { return flip(body, "record 0") }) // the first in the file is partition 0's

	const fetches = 50
	for range fetches {
		r := b.read(want(id, 0, 0), want(id, 1, 0), want(id, 2, 0))
		if p := r.Partitions[0]; p.Kind != base.CorruptMessage || len(p.Records) != 0 || p.HighWatermark != 6 {
			t.Fatalf("damaged: %+v", p)
		}
		for _, p := range r.Partitions[1:] {
			if got := b.parse(p); p.Kind != base.OK || len(got) != 2 {
				t.Fatalf("sound: %+v", p)
			}
		}
	}
	if p := b.only(b.read(want(id, 0, 3))); p.Kind != base.OK || b.parse(p)[0].BaseOffset() != 3 {
		t.Errorf("behind the damage: %+v", p)
	}
	if got := b.alarms(); len(got) != 1 || got[0] != (fetch.Damage{File: b.files()[0], Reads: fetches}) {
		t.Errorf("alarms: %+v", got)
	}
	if b.lines("level=ERROR") != 1 || b.lines("is damaged", "file="+b.files()[0], "from=16", "topic=orders", "partition=0", "checksum") != 1 {
		t.Errorf("the log says:\n%s", b.log)
	}
	b.clock.forward(time.Minute)
	b.read(want(id, 0, 0))
	if b.lines("is damaged", "reads=50") != 1 {
		t.Errorf("a minute later the log says:\n%s", b.log)
	}
	if gets := b.cache.Stats().Gets; gets > 4 {
		t.Errorf("%d GETs for two looks", gets)
	}
}

// A file that is gone although the newest state names it: one barrier, then the answer is known for a while.
func TestLostFile(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 2)
	b.produce(id, 0, plain(0, 3, 0))
	lost := b.files()[0]
	b.deleteFiles()
	b.produce(id, 1, plain(0, 1, 0))
	before := b.journal.barriers.Load()
	for range 20 {
		r := b.read(want(id, 0, 0), want(id, 1, 0))
		if p := r.Partitions[0]; p.Kind != base.StorageError || p.HighWatermark != 3 || len(b.parse(r.Partitions[1])) != 1 {
			t.Fatalf("%+v", p)
		}
		if _, _, err := b.fetch.AtTime(b.control.View(), id, 0, 0, false, soon()); base.KindOf(err) != base.StorageError {
			t.Fatalf("by time: %v", err)
		}
	}
	if n := b.journal.barriers.Load() - before; n != 1 {
		t.Errorf("%d barriers", n)
	}
	if got := b.alarms(); len(got) != 1 || got[0] != (fetch.Damage{File: lost, Missing: true, Reads: 40}) {
		t.Errorf("alarms: %+v", got)
	}
	if b.lines("level=ERROR") != 1 || b.lines("is missing", "file="+lost, "partition=0") != 1 {
		t.Errorf("the log says:\n%s", b.log)
	}
}

// A file that is gone behind records that are not is looked for by the next Fetch: it may have been trimmed away, so it is no alarm.
func TestFileGoneBehindRecords(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 1)
	b.produce(id, 0, plain(0, 3, 0))
	b.produce(id, 0, plain(3, 3, 0))
	if err := b.store.Delete(b.Context(), b.files()[1]); err != nil {
		t.Fatal(err)
	}
	if p := b.only(b.read(want(id, 0, 0))); p.Kind != base.OK || len(b.parse(p)) != 1 || len(b.alarms()) != 0 || b.log.Len() != 0 {
		t.Errorf("%+v, alarms %+v, log %s", p, b.alarms(), b.log)
	}
	if p := b.only(b.read(want(id, 0, 3))); p.Kind != base.StorageError || len(b.alarms()) != 1 {
		t.Errorf("%+v, alarms %+v", p, b.alarms())
	}
}

// Of a file that is cut short what is there is served, to the last whole batch.
func TestCutFile(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 1)
	b.produce(id, 0, plain(0, 3, 0), plain(3, 3, 0))
	key := b.files()[0]
	b.damage(key, func(body []byte) []byte { return body[:strings.Index(string(body), "record 4")] })
	if p := b.only(b.read(want(id, 0, 0))); p.Kind != base.OK || len(b.parse(p)) != 1 {
		t.Errorf("%+v", p)
	}
	if p := b.only(b.read(want(id, 0, 3))); p.Kind != base.CorruptMessage || p.Records.Len() != 0 {
		t.Errorf("%+v", p)
	}
	if got := b.alarms(); len(got) != 1 || got[0].File != key || got[0].Missing || b.lines("cut short", "file="+key) != 1 {
		t.Errorf("alarms %+v; the log says:\n%s", got, b.log)
	}
}

// The names of damaged files are bounded: they are labels of a metric.
func TestAlarmsAreBounded(t *testing.T) {
	b := start(t, settings{})
	id := b.topic("orders", 1)
	const n = 110
	for i := range n {
		b.produce(id, 0, plain(i, 1, 0))
	}
	b.deleteFiles()
	for i := range int64(n) {
		if p := b.only(b.read(want(id, 0, i))); p.Kind != base.StorageError {
			t.Fatalf("%+v", p)
		}
	}
	all := b.fetch.Stats().Damage
	if len(all) != 100 || all[len(all)-1].File != fetch.OtherFiles || all[len(all)-1].Reads != n-98 {
		t.Errorf("%d files are counted, the last is %+v", len(all), all[len(all)-1])
	}
}
