package wire

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// recordsOf gives the records of a request's partitions, as the client sent them.
func recordsOf(request kmsg.Request) (list [][]byte) {
	for _, t := range request.(*kmsg.ProduceRequest).Topics {
		for _, p := range t.Partitions {
			list = append(list, p.Records)
		}
	}
	return list
}

// arrive has a frame come in steps, and gives the records that are found on the way.
func arrive(t *testing.T, frame []byte, first int, step func() int) (found [][]byte) {
	t.Helper()
	a, ok := ArrivingProduce(frame[:first])
	if !ok {
		return nil
	}
	for have := first; ; have = min(have+step(), len(frame)) {
		for {
			start, end, ok := a.Next(frame[:have])
			if !ok {
				break
			}
			if start > end || end > have {
				t.Fatalf("records from %d to %d in %d bytes", start, end, have)
			}
			found = append(found, frame[start:end])
		}
		if have == len(frame) {
			return found
		}
	}
}

// same tells whether two slices are the same bytes in memory; empty ones are alike.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// decodedFrame decodes a frame; nil if it is not one of a Produce that is sound.
func decodedFrame(frame []byte) [][]byte {
	h, body, err := ParseHeader(frame)
	if err != nil || h.Key != produceKey {
		return nil
	}
	request, err := DecodeRequest(h.Key, h.Version, body)
	if err != nil {
		return nil
	}
	return recordsOf(request)
}

func randomProduce(rng *rand.Rand, version int16) []byte {
	request := newRequest(produceKey, version)
	fill(rng, reflect.ValueOf(request).Elem())
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("client")).AppendRequest(nil, request, 1)[FrameLengthSize:]
}

func TestRecordsAreFoundAsTheyArrive(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for version := int16(produceFirst); version <= produceLast; version++ {
		several := 0
		for range 200 {
			frame := randomProduce(rng, version)
			want := decodedFrame(frame)
			for _, step := range []int{1, 7, 100, len(frame)} {
				// What stands before the first topic has at most 300 bytes.
				found := arrive(t, frame, min(300, len(frame)), func() int { return step })
				if len(found) != len(want) {
					t.Fatalf("version %d: %d found of %d", version, len(found), len(want))
				}
				for i := range want {
					if !same(found[i], want[i]) {
						t.Fatalf("version %d: records %d of %d bytes, want %d", version, i, len(found[i]), len(want[i]))
					}
				}
			}
			if len(want) > 1 {
				several++
			}
		}
		if several < 50 {
			t.Errorf("version %d: %d requests of several partitions: the test has lost its teeth", version, several)
		}
	}
}

// Records are found with their last byte, or with that of the tags behind them: not when the request has come.
func TestRecordsAreFoundAtOnce(t *testing.T) {
	for version := int16(produceFirst); version <= produceLast; version++ {
		r := newRequest(produceKey, version).(*kmsg.ProduceRequest)
		r.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{
			{Partition: 3, Records: make([]byte, 1000)}, {Partition: 4}, {Partition: 5, Records: make([]byte, 2000)},
		}}}
		frame := kmsg.NewRequestFormatter().AppendRequest(nil, r, 1)[FrameLengthSize:]
		tags := 0
		if version >= produceFlexible {
			tags = 1
		}
		a, ok := ArrivingProduce(frame[:100])
		if !ok {
			t.Fatalf("version %d: not taken for a Produce", version)
		}
		var sizes []int
		for have := 100; have <= len(frame); have++ {
			start, end, ok := a.Next(frame[:have])
			if !ok {
				continue
			}
			sizes = append(sizes, end-start)
			if have != end+tags {
				t.Errorf("version %d: records that end at %d are found when %d bytes have come", version, end, have)
			}
		}
		if !slices.Equal(sizes, []int{1000, 0, 2000}) {
			t.Errorf("version %d: found %d", version, sizes)
		}
	}
}

func TestWhatIsNoProduceDoesNotArrive(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	good := randomProduce(rng, 9)
	for name, front := range map[string][]byte{
		"nothing":            nil,
		"half a header":      good[:9],
		"no length of array": good[:20],
		"version 2":          randomProduce(rng, 2),
		"a Fetch":            kmsg.NewRequestFormatter().AppendRequest(nil, newRequest(1, 12), 1)[FrameLengthSize:],
	} {
		if _, ok := ArrivingProduce(front); ok {
			t.Errorf("%s is taken for a Produce", name)
		}
	}
}

// FuzzArriving: whatever is sent, what is found lies in what has come; of a request that can be decoded it is what decoding gives.
func FuzzArriving(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for version := int16(produceFirst); version <= produceLast; version++ {
		f.Add(randomProduce(rng, version), uint16(300), uint16(17))
	}
	f.Fuzz(func(t *testing.T, frame []byte, first, step uint16) {
		found := arrive(t, frame, min(int(first), len(frame)), func() int { return 1 + int(step) })
		want := decodedFrame(frame)
		if want == nil || len(found) == 0 {
			return
		}
		if len(found) != len(want) {
			t.Fatalf("%d found of %d", len(found), len(want))
		}
		for i := range want {
			if !same(found[i], want[i]) {
				t.Fatalf("records %d: %d bytes, want %d", i, len(found[i]), len(want[i]))
			}
		}
	})
}
