package log

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/kafka/config"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories of testdata answer into them")

// A story is a file of steps: a line, "----", and what comes of it, up to an empty line.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) { tell(t, file) })
	}
}

func tell(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, state: New(), now: 10_000_000, slot: 1, ids: map[string][]base.TopicID{}, hashes: map[string]uint64{}}
	var out strings.Builder
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			out.WriteString(line + "\n")
			continue
		}
		var want string
		if i+1 < len(lines) && lines[i+1] == "----" {
			for i += 2; i < len(lines) && lines[i] != ""; i++ {
				want += lines[i] + "\n"
			}
			i--
		}
		got := s.step(line)
		fmt.Fprintf(&out, "%s\n----\n%s", line, got)
		if !*rewrite && got != want {
			t.Errorf("%s: %s\ngot:\n%swant:\n%s\n", file, line, got, want)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type story struct {
	t      *testing.T
	state  *State
	now    base.Millis
	slot   base.Slot                 // of the entry that everything comes from
	ids    map[string][]base.TopicID // of each name, the newest last
	made   byte
	files  uint64
	hashes map[string]uint64 // of stretches that were read, by the word that names them
	args   []string
	opts   map[string]string
}

func (s *story) step(line string) string {
	words := strings.Fields(line)
	s.args, s.opts = nil, map[string]string{}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			s.opts[k] = v
		} else {
			s.args = append(s.args, w)
		}
	}
	switch words[0] {
	case "slot":
		s.slot = base.Slot(s.number(s.args[0]))
		return fmt.Sprintf("slot %d\n", s.slot)
	case "riders":
		return s.listRiders()
	case "wait":
		s.now += base.Millis(s.number(s.args[0]))
		return fmt.Sprintf("now %d\n", s.now)
	case "show":
		return s.show(s.args[0])
	case "files":
		return s.listFiles()
	case "read":
		return s.read()
	}
	return s.propose(s.command(words[0]))
}

func (s *story) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *story) opt(name string, otherwise int64) int64 {
	if v, ok := s.opts[name]; ok {
		return s.number(v)
	}
	return otherwise
}

// id gives the id of the topic of that name; a quote behind the name means the one before it.
func (s *story) id(name string) base.TopicID {
	plain := strings.TrimRight(name, "'")
	ids := s.ids[plain]
	if n := len(ids) - 1 - (len(name) - len(plain)); n >= 0 {
		return ids[n]
	}
	return base.TopicID{0xFF}
}

func (s *story) place(word string) (base.TopicID, int32) {
	name, index, _ := strings.Cut(word, ":")
	return s.id(name), int32(s.number(index))
}

func (s *story) configs() (kvs []config.KV) {
	for _, a := range s.args[1:] {
		name, value, _ := strings.Cut(a, ":")
		kvs = append(kvs, config.KV{Name: name, Value: value})
	}
	return kvs
}

func (s *story) command(verb string) Command {
	switch verb {
	case "create":
		s.made++
		return &CreateTopic{Name: strings.Trim(s.args[0], `"`), ID: base.TopicID{s.made}, Partitions: int32(s.opt("partitions", 1)), Configs: s.configs()}
	case "delete":
		return &DeleteTopic{ID: s.id(s.args[0])}
	case "partitions":
		return &CreatePartitions{ID: s.id(s.args[0]), Count: int32(s.opt("count", 0))}
	case "configure":
		c := &ConfigureTopic{ID: s.id(s.args[0]), Replace: s.opt("replace", 0) != 0}
		for _, kv := range s.configs() {
			op := config.Op{Name: kv.Name, Kind: config.Set, Value: &kv.Value}
			if kv.Value == "" {
				op.Kind, op.Value = config.Delete, nil
			}
			c.Ops = append(c.Ops, op)
		}
		return c
	case "commit":
		return s.commit()
	case "land":
		return s.land()
	case "merge":
		return s.merge()
	case "remove":
		c := &RemoveFiles{}
		for _, a := range s.args {
			c.Files = append(c.Files, uint64(s.number(a)))
		}
		return c
	case "ids":
		return &AllocateProducerIDs{Count: int32(s.number(s.args[0]))}
	}
	id, index := s.place(s.args[0])
	switch verb {
	case "delete-records":
		return &DeleteRecords{ID: id, Index: index, Offset: s.opt("to", 0)}
	case "retain":
		return &Retain{ID: id, Index: index, Start: s.opt("to", 0)}
	case "expire":
		return &ExpireProducers{ID: id, Index: index, AfterMs: base.Millis(s.opt("after", 0))}
	}
	s.t.Fatalf("no step %q", verb)
	return nil
}

// commit reads batches as topic:partition[:producer/epoch/sequence]+records, each 100 bytes long.
func (s *story) commit() Command {
	s.files++
	c := &CommitSegment{File: base.FileRef{ID: ulidOf(uint64(s.opt("file", int64(s.files))))}, SizeBytes: s.opt("size", 100_000),
		LastModified: s.now - base.Millis(s.opt("age", 0))}
	pos := uint32(s.opt("pos", 16))
	for _, word := range s.args {
		place, count, _ := strings.Cut(word, "+")
		b := Batch{Pos: pos, Len: 100, Count: int32(s.number(count)), MaxTimestamp: s.opt("ts", int64(s.now)), ProducerID: -1}
		parts := strings.Split(place, ":")
		b.Topic, b.Partition = s.place(parts[0] + ":" + parts[1])
		if len(parts) == 3 {
			var epoch int
			if _, err := fmt.Sscanf(parts[2], "%d/%d/%d", &b.ProducerID, &epoch, &b.BaseSequence); err != nil {
				s.t.Fatal(err)
			}
			b.Epoch = int16(epoch)
		}
		c.Batches = append(c.Batches, b)
		pos += 100
	}
	if _, rides := s.opts["ride"]; rides {
		c.Body = make([]byte, s.opt("ride", 0))
	}
	return c
}

// land reads file numbers, each with the shift of its positions: number@shift.
func (s *story) land() Command {
	s.files++
	c := &LandFiles{File: base.FileRef{ID: ulidOf(uint64(s.opt("file", int64(s.files))))}, SizeBytes: s.opt("size", 1_000_000),
		LastModified: s.now - base.Millis(s.opt("age", 0))}
	for _, word := range s.args {
		number, delta, _ := strings.Cut(word, "@")
		c.Landings = append(c.Landings, Landing{uint64(s.number(number)), uint32(s.number(delta))})
	}
	return c
}

// stretch reads topic:partition[offset]×extents.
func (s *story) stretch(word string) (*Partition, MergeStretch) {
	var m MergeStretch
	place, rest, _ := strings.Cut(word, "[")
	m.Topic, m.Partition = s.place(place)
	if _, err := fmt.Sscanf(rest, "%d]x%d", &m.Base, &m.Extents); err != nil {
		s.t.Fatalf("%s: %v", word, err)
	}
	_, p, ok := s.state.PartitionOf(m.Topic, m.Partition)
	if !ok {
		p = &Partition{}
	}
	return p, m
}

// read sums stretches up, as a merge does that reads their bytes. What it proposes later is what they are now.
func (s *story) read() string {
	var b strings.Builder
	for _, word := range s.args {
		p, m := s.stretch(word)
		sum, ok := p.Extents.Sum(m.Stretch)
		if !ok {
			fmt.Fprintf(&b, "%s: no such stretch\n", word)
			continue
		}
		s.hashes[word] = sum.Hash
		fmt.Fprintf(&b, "%s: [%d,%d) %d bytes\n", word, sum.Whole.Base, sum.Whole.End(), sum.Whole.Len)
	}
	return b.String()
}

// merge has stretches that were read lie side by side in a new file.
func (s *story) merge() Command {
	s.files++
	c := &MergeExtents{File: base.FileRef{ID: ulidOf(uint64(s.opt("file", int64(s.files))))}, SizeBytes: s.opt("size", 100_000),
		LastModified: s.now - base.Millis(s.opt("age", 0))}
	pos := uint32(s.opt("pos", 16))
	for _, word := range s.args {
		_, m := s.stretch(word)
		m.Pos, m.Hash = pos, s.hashes[word]
		c.Stretches = append(c.Stretches, m)
		pos += 100 * m.Extents
	}
	return c
}

func (s *story) propose(c Command) string {
	events, r := Decide(s.state, c, s.now, config.Broker{})
	s.state = s.state.Fork()
	s.state.Begin(s.slot)
	var b strings.Builder
	fmt.Fprintf(&b, "%s", kindName(r.Kind))
	if r.Text != "" {
		fmt.Fprintf(&b, ": %s", r.Text)
	}
	switch c.(type) {
	case *DeleteRecords, *Retain:
		fmt.Fprintf(&b, " start=%d", r.Offset)
	case *AllocateProducerIDs:
		fmt.Fprintf(&b, " first=%d", r.ProducerID)
	case *CreateTopic, *CreatePartitions:
		if r.Kind == base.OK && !r.Topic.IsZero() {
			s.ids[s.args[0]] = append(s.ids[s.args[0]], r.Topic)
		}
		fmt.Fprintf(&b, " partitions=%d", r.Partitions)
	}
	b.WriteString("\n")
	for i, v := range r.Batches {
		fmt.Fprintf(&b, "  %s %s base=%d start=%d\n", s.args[i], kindName(v.Kind), v.Base, v.Start)
	}
	for _, e := range events {
		fmt.Fprintf(&b, "  -> %s\n", strings.TrimPrefix(fmt.Sprintf("%T", e), "*log."))
		if err := s.state.Apply(e); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.state.Check(); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

func kindName(k base.Kind) string {
	if k == base.OK {
		return "OK"
	}
	return kerr.TypedErrorForCode(int16(k)).Message
}

func (s *story) show(name string) string {
	t, ok := s.state.TopicByID(s.id(name))
	if !ok {
		return "no such topic\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v\n", t.Name, t.Configs)
	for i := range t.Partitions {
		p, _ := s.state.Partition(base.KeyOf(t.Number, i))
		fmt.Fprintf(&b, "  %d: %d to %d epoch %d:", i, p.Start, p.End, p.Epoch)
		p.Extents.From(0, func(x Extent) bool {
			fmt.Fprintf(&b, " [%d,%d) in %d at %d+%d", x.Base, x.End(), x.File, x.Pos, x.Len)
			if at, _ := s.state.Place(x); at.Slot > 0 {
				fmt.Fprintf(&b, " (slot %d)", at.Slot)
			} else if f, _ := s.state.File(x.File); at.File != f.Ref {
				in, _ := s.state.FileByRef(at.File)
				fmt.Fprintf(&b, " (file %d at %d)", in, at.Pos)
			}
			return true
		})
		p.Producers(func(id int64, pr *Producer) bool {
			fmt.Fprintf(&b, " producer %d/%d next %d", id, pr.Epoch, pr.NextSequence())
			return true
		})
		b.WriteString("\n")
	}
	return b.String()
}

func (s *story) listFiles() string {
	var b strings.Builder
	s.state.Files(func(n uint64, f File) bool {
		fmt.Fprintf(&b, "%d: %d bytes, %d references, released %d\n", n, f.SizeBytes, f.Refs, f.Released)
		return true
	})
	return b.String()
}

func (s *story) listRiders() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes from slot %d on:", s.state.RidingBytes(), s.state.OldestRide())
	s.state.Riders(func(n uint64, f File) bool {
		fmt.Fprintf(&b, " %d in slot %d", n, f.In)
		return true
	})
	return b.String() + "\n"
}
