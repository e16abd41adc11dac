package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/load/report"
)

// A Produce of these curves: so many records, of so many bytes each, as evenly as can be over all partitions.
const (
	spreadRecords     = 5000
	spreadRecordBytes = 180 // one batch of all of them is below message.max.bytes
	// spreadInFlight is how many Produces are under way: what Java producers have.
	spreadInFlight = 5
	// spreadPace is how many are sent a second, at most.
	spreadPace = 20
)

var producersCurve = report.Curve{Name: "producers", X: "partitions",
	Title: fmt.Sprintf("Producers of many partitions: idempotent, %d records of %d B in each Produce, one batch a partition, %d Produces under way", spreadRecords, spreadRecordBytes, spreadInFlight),
	Columns: []report.Column{
		{Name: "records, at most 100,000", Unit: "1/s"},
		{Name: "batches", Unit: "1/s"},
		{Name: "Produce p50", Unit: "ms", Flat: 2},
		{Name: "Produce p99", Unit: "ms"},
		{Name: "agent's CPU, a record", Unit: "µs"},
		{Name: "agent's CPU, a batch", Unit: "µs"},
		{Name: "more than with one partition, a batch", Unit: "µs", Flat: 2},
		{Name: "RSS", Unit: "MiB"},
	}}

func (b *bench) producers() error {
	one := 0.0 // CPU of a record with one partition
	return b.along(producersCurve, b.points(1, 100, 1000, 5000), func(n int) ([]report.Figure, error) {
		url, dir, err := b.rig.FileBucket()
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		a, _, err := b.rig.Start(url)
		if err != nil {
			return nil, err
		}
		s, err := newSpread(a.Kafka, n)
		if err != nil {
			return nil, err
		}
		defer s.c.close()
		span, err := b.during(a, fmt.Sprintf("producers-%d", n), func() error { return s.run(time.Now().Add(b.each)) })
		if err != nil {
			return nil, err
		}
		requests := float64(len(s.took))
		records, batches := requests*spreadRecords, requests*float64(n)
		record := 1e6 * span.cpu.Seconds() / records
		more := report.None
		if n == 1 {
			one = record
		} else {
			more = report.Figure((record - one) * records / batches)
		}
		out := figures(records/span.took.Seconds(), batches/span.took.Seconds(), s.took.at(.5), s.took.at(.99), record, 1e6*span.cpu.Seconds()/batches)
		return append(out, more, report.Figure(float64(span.after.Bytes)/(1<<20))), nil
	})
}

// spread is a producer that writes the same to all partitions, again and again.
type spread struct {
	c       *client
	request *kmsg.ProduceRequest
	took    latencies
}

func newSpread(addr string, partitions int) (*spread, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	topic, err := c.createTopic("spread", partitions)
	if err != nil {
		return nil, err
	}
	id, err := ask[*kmsg.InitProducerIDResponse](c, kmsg.NewPtrInitProducerIDRequest(), 4)
	if err != nil {
		return nil, err
	}
	builder := batch.Plain(batch.None)
	builder.ProducerID, builder.Epoch, builder.BaseSequence = id.ProducerID, id.ProducerEpoch, 0
	records := make([]batch.NewRecord, spreadRecords/partitions)
	for i := range records {
		records[i] = batch.NewRecord{Timestamp: time.Now().UnixMilli(), Value: make([]byte, spreadRecordBytes)}
	}
	body := builder.Build(records...)
	s := &spread{c: c, request: kmsg.NewPtrProduceRequest()}
	s.request.Acks, s.request.TimeoutMillis = -1, 60_000
	t := kmsg.ProduceRequestTopic{TopicID: topic}
	for i := range partitions {
		t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: int32(i), Records: append([]byte(nil), body...)})
	}
	s.request.Topics = append(s.request.Topics, t)
	return s, codeError(id.ErrorCode)
}

// advance numbers the batches of the next request: as sequence numbers lie under a batch's checksum, that is computed anew.
func (s *spread) advance() {
	const crcAt, crcFrom, sequenceAt = 17, 21, 53 // of a batch, in bytes
	var crc uint32
	for i, p := range s.request.Topics[0].Partitions {
		b := batch.Batch(p.Records)
		binary.BigEndian.PutUint32(p.Records[sequenceAt:], uint32(batch.NextSequence(b.BaseSequence(), b.Count())))
		if i == 0 { // all are alike
			crc = crc32.Checksum(p.Records[crcFrom:], crc32.MakeTable(crc32.Castagnoli))
		}
		binary.BigEndian.PutUint32(p.Records[crcAt:], crc)
	}
}

// run sends until it is time, and then takes the answers that are left.
func (s *spread) run(until time.Time) error {
	sent := make(chan time.Time, spreadInFlight-1) // and one whose answer is awaited
	var over atomic.Bool
	received := make(chan error, 1)
	go func() {
		received <- s.receiveAll(sent, &over)
	}()
	var err error
	for due := time.Now(); due.Before(until) && !over.Load() && err == nil; due = due.Add(time.Second / spreadPace) {
		if late := time.Now(); due.Before(late) {
			due = late
		}
		time.Sleep(time.Until(due))
		began := time.Now()
		if err = s.c.send(s.request, 13); err == nil {
			sent <- began
			s.advance()
		}
	}
	close(sent)
	if receiveErr := <-received; receiveErr != nil {
		return receiveErr
	}
	return err
}

func (s *spread) receiveAll(sent <-chan time.Time, over *atomic.Bool) (err error) {
	for began := range sent {
		if err != nil {
			continue // so that the sender comes to its end
		}
		var body []byte
		if body, err = s.c.receive(); err == nil {
			s.took = append(s.took, time.Since(began))
			err = checkProduced(body)
		}
		if err != nil {
			over.Store(true)
		}
	}
	return err
}

func checkProduced(body []byte) error {
	r := kmsg.NewPtrProduceRequest()
	r.SetVersion(13)
	response, err := decode(r, body)
	if err != nil {
		return err
	}
	return produceError(response.(*kmsg.ProduceResponse))
}
