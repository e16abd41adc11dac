package main

import (
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/bench/rig"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/load/report"
)

// The state of each point: topics of this many partitions, this many extents a partition, files of this many batches.
const (
	partitionsPerTopic  = 100
	extentsPerPartition = 10
	batchesPerFile      = 100
	tailEntries         = 10
	// fetchPartitions is how many partitions a Fetch is about at most.
	fetchPartitions = 10_000
	// rssFrom is the least number of partitions that memory is divided by: with fewer, what else moves is more than they take.
	rssFrom = 10_000
	// repeats is how often what is quick is measured; the median counts.
	repeats = 5
)

var stateCurve = report.Curve{Name: "state", Title: "State: partitions with 10 extents each, in topics of 100", X: "partitions", Columns: []report.Column{
	{Name: "start to ready", Unit: "ms"},
	{Name: "start, a partition", Unit: "µs"},
	{Name: "RSS, ready", Unit: "MiB"},
	{Name: "beyond an empty agent's, a partition", Unit: "B", Flat: 2},
	{Name: "snapshot", Unit: "MB"},
	{Name: "snapshot, an extent", Unit: "B", Flat: 2},
	{Name: "snapshot encoded and written", Unit: "ms"},
	{Name: "snapshot after 10 more files", Unit: "MB"},
	{Name: "its encoding", Unit: "ms"},
	{Name: "Metadata of all topics", Unit: "ms"},
	{Name: "Metadata, a partition", Unit: "µs", Flat: 2},
	{Name: "Metadata, answer", Unit: "MB"},
	{Name: "Fetch partitions", Unit: "count"},
	{Name: "ListOffsets of them", Unit: "ms"},
	{Name: "first Fetch, nothing new", Unit: "ms"},
	{Name: "first Fetch, a partition", Unit: "µs", Flat: 2},
	{Name: "session Fetch, nothing new", Unit: "ms"},
	{Name: "session Fetch, a partition", Unit: "µs", Flat: 2},
	{Name: "session Fetch that waits 1 ms", Unit: "ms"},
	{Name: "session Fetch of one record", Unit: "ms"},
	{Name: "Produce of a record to each", Unit: "ms"},
	{Name: "Produce of a record, a partition", Unit: "µs"},
	{Name: "Fetches of a record of each", Unit: "ms"},
	{Name: "of a record, a partition", Unit: "µs", Flat: 2},
	{Name: "Fetches that took", Unit: "count"},
	{Name: "the longest of them", Unit: "ms"},
	{Name: "RSS, after all that", Unit: "MiB"},
}, Notes: []string{
	fmt.Sprintf("Produce names %d partitions at a time and awaits each answer: an agent seals four segments early, each once it is quiet, and after these eight a second, so that later answers take 125 ms.", producedAtOnce),
}}

func (b *bench) state() error {
	return b.along(stateCurve, b.points(1000, 10_000, 100_000), func(partitions int) ([]report.Figure, error) {
		url, dir, err := b.rig.FileBucket()
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		shape := rig.State{Topics: partitions / partitionsPerTopic, Partitions: partitionsPerTopic,
			Files: partitions * extentsPerPartition / batchesPerFile, BatchesPerFile: batchesPerFile, TailEntries: tailEntries}
		written, err := rig.WriteState(url, shape)
		if err != nil {
			return nil, fmt.Errorf("writing the state: %w", err)
		}
		s := stating{b: b, url: url, partitions: float64(partitions), fetched: min(partitions, fetchPartitions), written: written}
		err = s.run()
		return s.figures, err
	})
}

// stating measures one state.
type stating struct {
	b          *bench
	url        string
	partitions float64
	fetched    int
	written    rig.Written

	empty   int64 // RSS of an agent without a state, in bytes
	agent   *rig.Agent
	c       *client
	offsets map[int32]map[int32]int64 // by topic and partition
	session int32
	epoch   int32
	figures []report.Figure
}

func (s *stating) add(values ...float64) {
	for _, v := range values {
		s.figures = append(s.figures, report.Figure(v))
	}
}

func (s *stating) addEach(took time.Duration, of float64) {
	s.add(ms(took), 1000*ms(took)/of)
}

func (s *stating) run() error {
	for _, f := range []func() error{s.startEmpty, s.start, s.metadata, s.listOffsets, s.firstFetch, s.sessionFetch, s.fetchRecords} {
		if err := f(); err != nil {
			return err
		}
	}
	return s.addRSS()
}

// startEmpty tells the memory of an agent that has no state.
func (s *stating) startEmpty() error {
	url, dir, err := s.b.rig.FileBucket()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, _, err := s.b.rig.Start(url)
	if err != nil {
		return err
	}
	defer a.Kill()
	u, err := a.Usage()
	s.empty = u.Bytes
	return err
}

func (s *stating) addRSS() error {
	u, err := s.agent.Usage()
	s.add(float64(u.Bytes) / (1 << 20))
	return err
}

// addRSSEach adds also what a partition takes.
func (s *stating) addRSSEach() error {
	u, err := s.agent.Usage()
	each := report.None
	if s.partitions >= rssFrom {
		each = report.Figure(float64(u.Bytes-s.empty) / s.partitions)
	}
	s.add(float64(u.Bytes) / (1 << 20))
	s.figures = append(s.figures, each)
	return err
}

// start starts the agent; the median of some counts, and the last one stays.
func (s *stating) start() error {
	took, err := median(repeats, func() (took time.Duration, err error) {
		if s.agent != nil {
			s.agent.Kill()
		}
		s.agent, took, err = s.b.rig.Start(s.url)
		return took, err
	})
	if err != nil {
		return err
	}
	s.addEach(took, s.partitions)
	if err := s.addRSSEach(); err != nil {
		return err
	}
	w := &s.written
	s.add(float64(w.SnapshotBytes)/1e6, float64(w.SnapshotBytes)/float64(w.Extents), ms(w.SnapshotTook), float64(w.NextBytes)/1e6, ms(w.NextTook))
	if s.c, err = dial(s.agent.Kafka); err == nil {
		s.b.rig.Later(s.c.close)
	}
	return err
}

func (s *stating) metadata() error {
	var size int
	took, err := median(repeats, func() (took time.Duration, err error) {
		r := kmsg.NewPtrMetadataRequest()
		r.Topics = nil
		_, took, size, err = s.c.exchange(r, 12)
		return took, err
	})
	s.addEach(took, s.partitions)
	s.add(float64(size) / 1e6)
	return err
}

// each visits the topics that fetches are about.
func (s *stating) each(visit func(topic, partitions int)) {
	for topic := range s.fetched / partitionsPerTopic {
		visit(topic, partitionsPerTopic)
	}
}

func (s *stating) listOffsets() error {
	r := kmsg.NewPtrListOffsetsRequest()
	s.each(func(topic, partitions int) {
		t := kmsg.ListOffsetsRequestTopic{Topic: rig.TopicName(topic)}
		for p := range partitions {
			t.Partitions = append(t.Partitions, kmsg.ListOffsetsRequestTopicPartition{Partition: int32(p), CurrentLeaderEpoch: -1, Timestamp: -1})
		}
		r.Topics = append(r.Topics, t)
	})
	response, took, _, err := s.c.exchange(r, 7)
	if err != nil {
		return err
	}
	s.offsets = map[int32]map[int32]int64{}
	for i, t := range response.(*kmsg.ListOffsetsResponse).Topics {
		s.offsets[int32(i)] = map[int32]int64{}
		for _, p := range t.Partitions {
			if err := codeError(p.ErrorCode); err != nil {
				return fmt.Errorf("offset of %s-%d: %w", t.Topic, p.Partition, err)
			}
			s.offsets[int32(i)][p.Partition] = p.Offset
		}
	}
	s.add(float64(s.fetched), ms(took))
	return nil
}

// fullFetch asks for all partitions at their ends.
func (s *stating) fullFetch() *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.MaxBytes = 50 << 20
	s.each(func(topic, partitions int) {
		t := kmsg.FetchRequestTopic{TopicID: rig.TopicID(topic)}
		for i := range partitions {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.FetchOffset, p.PartitionMaxBytes = int32(i), s.offsets[int32(topic)][int32(i)], 1<<20
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	})
	return r
}

// fetch gives the partitions that were answered, after checking that none has an error.
func (s *stating) fetch(r *kmsg.FetchRequest) (answer *kmsg.FetchResponse, partitions int, took time.Duration, err error) {
	response, took, _, err := s.c.exchange(r, 17)
	if err != nil {
		return nil, 0, 0, err
	}
	answer = response.(*kmsg.FetchResponse)
	if err := codeError(answer.ErrorCode); err != nil {
		return nil, 0, 0, err
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			partitions++
			if err := codeError(p.ErrorCode); err != nil {
				return nil, 0, 0, fmt.Errorf("fetching partition %d: %w", p.Partition, err)
			}
		}
	}
	return answer, partitions, took, nil
}

// firstFetch makes sessions: the requests name everything.
func (s *stating) firstFetch() error {
	took, err := median(repeats, func() (time.Duration, error) {
		r := s.fullFetch()
		r.SessionID, r.SessionEpoch = s.session, 0
		answer, partitions, took, err := s.fetch(r)
		if err != nil {
			return 0, err
		}
		if s.session, s.epoch = answer.SessionID, 1; partitions != s.fetched || s.session == 0 {
			return 0, fmt.Errorf("a first Fetch of %d partitions was answered with %d, session %d", s.fetched, partitions, s.session)
		}
		return took, nil
	})
	s.addEach(took, float64(s.fetched))
	return err
}

// next asks the session for what is new, and checks how many partitions have something.
func (s *stating) next(wait int32, want int) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		r := kmsg.NewPtrFetchRequest()
		r.MaxBytes, r.SessionID, r.SessionEpoch, r.MaxWaitMillis, r.MinBytes = 50<<20, s.session, s.epoch, wait, min(wait, 1)
		s.epoch++
		_, partitions, took, err := s.fetch(r)
		if err == nil && partitions != want {
			err = fmt.Errorf("a session's Fetch was answered with %d partitions, not %d", partitions, want)
		}
		return took, err
	}
}

func (s *stating) sessionFetch() error {
	nothing, err := median(repeats, s.next(0, 0))
	if err != nil {
		return err
	}
	waited, err := median(repeats, s.next(1, 0))
	if err != nil {
		return err
	}
	if err := s.produce(1); err != nil {
		return err
	}
	one, err := s.next(1, 1)()
	s.addEach(nothing, float64(s.fetched))
	s.add(ms(waited), ms(one))
	return err
}

// produce appends a record to each of the first n partitions.
func (s *stating) produce(n int) error {
	record := batch.Plain(batch.None).Build(batch.NewRecord{Timestamp: time.Now().UnixMilli(), Value: make([]byte, 100)})
	for from := 0; from < n; from += producedAtOnce {
		r := kmsg.NewPtrProduceRequest()
		r.Acks, r.TimeoutMillis = -1, 30_000
		for i := from; i < min(n, from+producedAtOnce); i++ {
			if i%partitionsPerTopic == 0 {
				r.Topics = append(r.Topics, kmsg.ProduceRequestTopic{TopicID: rig.TopicID(i / partitionsPerTopic)})
			}
			t := &r.Topics[len(r.Topics)-1]
			t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: int32(i % partitionsPerTopic), Records: record})
		}
		answer, err := ask[*kmsg.ProduceResponse](s.c, r, 13)
		if err != nil {
			return err
		}
		if err := produceError(answer); err != nil {
			return err
		}
	}
	return nil
}

// producedAtOnce is how many partitions one Produce is about.
const producedAtOnce = 1000

// produceError is the first error in an answer.
func produceError(r *kmsg.ProduceResponse) error {
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if err := codeError(p.ErrorCode); err != nil {
				return fmt.Errorf("producing to partition %d: %w", p.Partition, err)
			}
		}
	}
	return nil
}

// fetchRecords reads a record of each partition, as a consumer does: a session's Fetches that tell what has come.
func (s *stating) fetchRecords() error {
	began := time.Now()
	if err := s.produce(s.fetched); err != nil {
		return err
	}
	s.addEach(time.Since(began), float64(s.fetched))
	var total latencies
	took, err := median(repeats, func() (time.Duration, error) {
		fetches, took, err := s.readAll()
		total = fetches
		return took, err
	})
	if err != nil {
		return err
	}
	s.addEach(took, float64(s.fetched))
	s.add(float64(len(total)), total.at(1))
	return nil
}

// readAll makes a session and reads a record of each partition. It gives what each Fetch took, and all of them.
func (s *stating) readAll() (fetches latencies, all time.Duration, err error) {
	r := s.fullFetch()
	r.SessionID, r.SessionEpoch = s.session, 0
	for got := 0; got < s.fetched; {
		answer, _, took, err := s.fetch(r)
		if err != nil {
			return nil, 0, err
		}
		fetches, all = append(fetches, took), all+took
		next := kmsg.NewPtrFetchRequest()
		next.MaxBytes, next.SessionID, next.SessionEpoch = 50<<20, answer.SessionID, int32(len(fetches))
		came := advance(answer, next)
		if came == 0 {
			return nil, 0, fmt.Errorf("after %d of %d partitions nothing more came", got, s.fetched)
		}
		got, s.session, r = got+came, answer.SessionID, next
	}
	return fetches, all, nil
}

// advance has the next Fetch of a session go on behind the records of an answer, and counts the partitions that had some.
func advance(r *kmsg.FetchResponse, next *kmsg.FetchRequest) (came int) {
	for _, t := range r.Topics {
		moved := kmsg.FetchRequestTopic{TopicID: t.TopicID}
		for _, p := range t.Partitions {
			if len(p.RecordBatches) == 0 {
				continue
			}
			w := kmsg.NewFetchRequestTopicPartition()
			w.Partition, w.FetchOffset, w.PartitionMaxBytes = p.Partition, p.HighWatermark, 1<<20
			moved.Partitions = append(moved.Partitions, w)
		}
		if len(moved.Partitions) > 0 {
			next.Topics = append(next.Topics, moved)
			came += len(moved.Partitions)
		}
	}
	return came
}
