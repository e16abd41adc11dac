package wire

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"unsafe"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// allocated tells how many bytes f allocates. Only one goroutine runs in these tests.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// lie gives a body of size bytes that claims, for the first array of the layout, as many elements as kmsg would
// believe: one a byte of what is left. ok is false where the version has no array outside of others.
func lie(l *layout, size int) (body []byte, ok bool) {
	body = make([]byte, 0, size)
	for _, f := range l.fields {
		switch f.kind {
		case fixed:
			body = append(body, make([]byte, f.size)...)
		case shortString:
			body = append(body, 0, 0)
		case compactString, compactBytes:
			body = append(body, 1)
		case longBytes:
			body = append(body, 0, 0, 0, 0)
		case nullable:
			body = append(body, 0xff)
		case tagged:
			return nil, false
		case longArray:
			body = binary.BigEndian.AppendUint32(body, uint32(size-len(body)-4))
			return fillUp(body, size), true
		case compactArray:
			body = binary.AppendUvarint(body, uint64(size-len(body)-8))
			return fillUp(body, size), true
		}
	}
	return nil, false
}

// fillUp ends a body with bytes that make any further length inside it absurd.
func fillUp(body []byte, size int) []byte {
	for len(body) < size {
		body = append(body, 0x7f)
	}
	return body
}

func TestALyingFrameAllocatesNextToNothing(t *testing.T) {
	const size = 900_000 // below MaxArrayLen, so that not that bound alone is what helps
	lies, worst := 0, uint64(0)
	eachVersion(func(key, version int16) {
		l, err := layoutOf(key, version)
		if err != nil {
			t.Fatal(err)
		}
		body, ok := lie(l, size)
		if !ok {
			return
		}
		lies++
		var refused error
		n := allocated(func() { _, refused = DecodeRequest(key, version, body) })
		worst = max(worst, n)
		if n > 10*size {
			t.Errorf("%s: a frame of %d bytes made the decoder allocate %d (%v)", name(key, version), size, n, refused)
		}
	})
	if lies < 200 {
		t.Fatalf("only %d requests have been lied to: the test has lost its teeth", lies)
	}
	t.Logf("%d lies, at worst %d bytes allocated", lies, worst)
}

// TestKmsgAloneWouldBelieve shows that the guard is needed: should kmsg learn to defend itself, this fails, and the
// walk may go.
func TestKmsgAloneWouldBelieve(t *testing.T) {
	l, err := layoutOf(3, 12)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := lie(l, 900_000)
	n := allocated(func() { _ = newRequest(3, 12).ReadFrom(body) })
	if n < 20*900_000 {
		t.Fatalf("kmsg allocated only %d bytes for a lie of 900,000 bytes", n)
	}
}

func TestBounds(t *testing.T) {
	array := func(n, elements int) []byte { // Metadata v1: topics, each an empty name
		return append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, 2*elements)...)
	}
	flexible := func(tags uint64, rest ...byte) []byte { // Metadata v9: no topics, two flags, then the tags
		body := []byte{0, 1, 0, 0}
		return append(binary.AppendUvarint(body, tags), rest...)
	}
	tests := []struct {
		name    string
		version int16
		body    []byte
		ok      bool
	}{
		{"a true array", 1, array(1000, 1000), true},
		{"one element short", 1, array(1000, 999), false},
		{"null array", 1, array(-1, 0), true},
		{"an array beyond the bound", 1, array(MaxArrayLen+1, MaxArrayLen+1), false},
		{"2^31-1 elements", 1, array(math.MaxInt32, 1000), false},
		{"the longest array", 1, array(MaxArrayLen, MaxArrayLen), true},
		{"no tags", 9, flexible(0), true},
		{"a tag", 9, flexible(1, 5, 2, 'x', 'y'), true},
		{"2^32-1 tags", 9, flexible(math.MaxUint32), false},
		{"more tags than allowed", 9, flexible(MaxTags+1, make([]byte, 2*(MaxTags+1))...), false},
		{"a tag longer than the body", 9, flexible(1, 5, 3, 'x', 'y'), false},
		{"tags of too many bytes", 9, flexible(1, append([]byte{5, 0x81, 0x80, 0x04}, make([]byte, MaxTagBytes+1)...)...), false},
		{"a varint of 6 bytes", 9, flexible(1 << 40), false},
		{"empty", 9, nil, false},
	}
	for _, test := range tests {
		_, err := DecodeRequest(3, test.version, test.body)
		if want := base.InvalidRequest; (err == nil) != test.ok || err != nil && base.KindOf(err) != want {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestATrueFrameMayStillCostTooMuch: a Fetch of a million partitions, 16 bytes each on the wire.
func TestATrueFrameMayStillCostTooMuch(t *testing.T) {
	request := kmsg.NewPtrFetchRequest()
	request.Version = 4
	fetch := func(partitions int) error {
		request.Topics = []kmsg.FetchRequestTopic{{Partitions: make([]kmsg.FetchRequestTopicPartition, partitions)}}
		body := request.AppendTo(nil)
		request.Topics = nil
		_, err := Cost(1, 4, body)
		return err
	}
	if err := fetch(400_000); err != nil {
		t.Error(err)
	}
	if err := fetch(1_000_000); base.KindOf(err) != base.InvalidRequest {
		t.Errorf("a million partitions: %v", err)
	}
}

// TestCostIsNeverBelowTheTruth measures what decoding allocates, for requests full of everything, tags included, and
// for the same with bytes changed.
func TestCostIsNeverBelowTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	eachVersion(func(key, version int16) {
		for range 3 {
			request := newRequest(key, version)
			fill(rng, reflect.ValueOf(request).Elem())
			body := request.AppendTo(nil)
			checkCost(t, key, version, body)
			for range 10 {
				if len(body) > 0 {
					body[rng.IntN(len(body))] = [...]byte{0, 1, 0x7f, 0x80, 0xff, byte(rng.Int())}[rng.IntN(6)]
				}
				checkCost(t, key, version, body)
			}
		}
	})
}

func checkCost(t *testing.T, key, version int16, body []byte) {
	cost, err := Cost(key, version, body)
	if err != nil {
		cost = 0 // the error itself
	}
	// The allocator rounds up to its size classes: by at most an eighth for all but the smallest.
	most := uint64(cost)*5/4 + 4096
	n := most + 1
	for range 3 { // the runtime allocates too, now and then
		if n > most {
			n = allocated(func() { _, _ = DecodeRequest(key, version, body) })
		}
	}
	if n > most {
		t.Errorf("%s: %x allocates %d, cost says %d (%v)", name(key, version), body, n, cost, err)
	}
}

func TestCostAllocatesNothing(t *testing.T) {
	r := kmsg.NewPtrFetchRequest()
	r.Version = 12
	r.Topics = make([]kmsg.FetchRequestTopic, 10)
	for i := range r.Topics {
		r.Topics[i].Partitions = make([]kmsg.FetchRequestTopicPartition, 100)
	}
	body := r.AppendTo(nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = Cost(1, 12, body) }); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestProduceRecordsAreNotCopied(t *testing.T) {
	records := make([]byte, 1<<20)
	r := kmsg.NewPtrProduceRequest()
	for version := int16(3); version <= 13; version++ {
		r.Version = version
		r.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: records}}}}
		body := r.AppendTo(nil)
		decoded, err := DecodeRequest(0, version, body)
		if err != nil {
			t.Fatal(err)
		}
		got := decoded.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records
		at := uintptr(unsafe.Pointer(&got[0])) - uintptr(unsafe.Pointer(&body[0]))
		if len(got) != len(records) || at >= uintptr(len(body)) {
			t.Fatalf("v%d: the records are a copy", version)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 8))
	eachVersion(func(key, version int16) {
		request := newRequest(key, version)
		fill(rng, reflect.ValueOf(request).Elem())
		f.Add(uint8(key), uint8(version), request.AppendTo(nil))
	})
	f.Fuzz(func(t *testing.T, key, version uint8, body []byte) {
		request, err := DecodeRequest(int16(key), int16(version), body)
		if err == nil {
			request.AppendTo(nil)
		}
	})
}

func BenchmarkDecodeProduce8MB(b *testing.B) {
	r := kmsg.NewPtrProduceRequest()
	r.Version = 9
	r.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: make([]byte, 8<<20)}}}}
	body := r.AppendTo(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRequest(0, 9, body); err != nil {
			b.Fatal(err)
		}
	}
}

// A Produce to many partitions: what a record costs little of, but a partition does.
func BenchmarkDecodeProduce1000(b *testing.B) {
	r := kmsg.NewPtrProduceRequest()
	r.Version = 13
	r.Topics = make([]kmsg.ProduceRequestTopic, 1)
	for i := range int32(1000) {
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Partition: i, Records: make([]byte, 1000)})
	}
	body := r.AppendTo(nil)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Cost(0, 13, body); err != nil {
			b.Fatal(err)
		}
		if _, err := DecodeRequest(0, 13, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCostFetch1000 and BenchmarkDecodeFetch1000 show what the walk adds to decoding.
func BenchmarkCostFetch1000(b *testing.B) {
	body := fetch1000()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Cost(1, 12, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeFetch1000(b *testing.B) {
	body := fetch1000()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRequest(1, 12, body); err != nil {
			b.Fatal(err)
		}
	}
}

func fetch1000() []byte {
	r := kmsg.NewPtrFetchRequest()
	r.Version = 12
	t := kmsg.NewFetchRequestTopic()
	t.Topic = "topic"
	for range 1000 {
		t.Partitions = append(t.Partitions, kmsg.NewFetchRequestTopicPartition())
	}
	r.Topics = append(r.Topics, t)
	return r.AppendTo(nil)
}
