package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

// answerWithin bounds the wait for an answer.
const answerWithin = 2 * time.Minute

// client is one connection to an agent, and does nothing by itself. Requests may be sent by one goroutine while another
// takes their answers, which come in order.
type client struct {
	net    net.Conn
	in     *bufio.Reader
	format *kmsg.RequestFormatter
	number int32
}

func dial(addr string) (*client, error) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &client{net: c, in: bufio.NewReaderSize(c, 4<<10), format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("scale"))}, nil
}

func (c *client) close() { _ = c.net.Close() }

// send writes a request in the given version.
func (c *client) send(r kmsg.Request, version int16) error {
	r.SetVersion(version)
	c.number++
	_, err := c.net.Write(c.format.AppendRequest(nil, r, c.number))
	return err
}

// receive reads the next answer, which r asked for, without decoding it.
func (c *client) receive() ([]byte, error) {
	_ = c.net.SetReadDeadline(time.Now().Add(answerWithin))
	var size [4]byte
	if _, err := io.ReadFull(c.in, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(c.in, body)
	return body, err
}

// decode reads the answer to r.
func decode(r kmsg.Request, body []byte) (kmsg.Response, error) {
	response := r.ResponseKind()
	response.SetVersion(r.GetVersion())
	head := 4
	if response.IsFlexible() && r.Key() != int16(kmsg.ApiVersions) {
		head++ // tags, of which there are none
	}
	if len(body) < head {
		return nil, io.ErrUnexpectedEOF
	}
	return response, response.ReadFrom(body[head:])
}

// exchange sends a request and takes its answer; took and size tell of that, without the decoding.
func (c *client) exchange(r kmsg.Request, version int16) (response kmsg.Response, took time.Duration, size int, err error) {
	began := time.Now()
	if err := c.send(r, version); err != nil {
		return nil, 0, 0, err
	}
	body, err := c.receive()
	if err != nil {
		return nil, 0, 0, err
	}
	took = time.Since(began)
	response, err = decode(r, body)
	return response, took, len(body), err
}

// ask is exchange for those who want the answer alone.
func ask[R kmsg.Response](c *client, r kmsg.Request, version int16) (R, error) {
	response, _, _, err := c.exchange(r, version)
	if err != nil {
		var none R
		return none, err
	}
	return response.(R), nil
}

// createTopic makes a topic and gives its id.
func (c *client) createTopic(name string, partitions int) (id base.TopicID, err error) {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, int32(partitions), -1
	r := &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{t}, TimeoutMillis: 60_000}
	response, err := ask[*kmsg.CreateTopicsResponse](c, r, 7)
	if err == nil {
		err = codeError(response.Topics[0].ErrorCode)
	}
	if err != nil {
		return id, fmt.Errorf("creating a topic of %d partitions: %w", partitions, err)
	}
	return response.Topics[0].TopicID, nil
}

// codeError makes an error of a code.
func codeError(code int16) error {
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%v", base.Kind(code))
}

// latencies gathers how long things took.
type latencies []time.Duration

// at gives a quantile in ms. It sorts.
func (l latencies) at(q float64) float64 {
	if len(l) == 0 {
		return 0
	}
	slices.Sort(l)
	return ms(l[min(len(l)-1, int(q*float64(len(l))))])
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// median measures something several times.
func median(times int, f func() (time.Duration, error)) (time.Duration, error) {
	var all latencies
	for range times {
		took, err := f()
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// together runs f n times at once, gives the results in order, and the first error. An error ends nothing early but over.
func together[T any](n int, f func(i int, over *atomic.Bool) (T, error)) ([]T, error) {
	type result struct {
		i   int
		v   T
		err error
	}
	var over atomic.Bool
	results := make(chan result, n)
	for i := range n {
		go func() {
			v, err := f(i, &over)
			if err != nil {
				over.Store(true)
			}
			results <- result{i, v, err}
		}()
	}
	all := make([]T, n)
	var failure error
	for range n {
		r := <-results
		all[r.i] = r.v
		if failure == nil {
			failure = r.err
		}
	}
	return all, failure
}
