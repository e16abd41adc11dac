package broker

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fill puts error code 1 wherever one stands in a response, into lists of two, and tells how many it put.
func fill(v reflect.Value) (codes int64) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case f.Kind() == reflect.Int16 && v.Type().Field(i).Name == "ErrorCode":
			f.SetInt(1)
			codes++
		case f.Kind() == reflect.Struct:
			codes += fill(f)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			f.Set(reflect.MakeSlice(f.Type(), 2, 2))
			codes += fill(f.Index(0)) + fill(f.Index(1))
		}
	}
	return codes
}

func TestErrorCodesAreFoundWhereverTheyStand(t *testing.T) {
	var s counters
	for i := range apis {
		r := kmsg.ResponseForKey(apis[i].key)
		before, want := s.codes[2].Load(), fill(reflect.ValueOf(r).Elem())
		first := s.count(r)
		if got := s.codes[2].Load() - before; got != want || want > 0 && first != 1 {
			t.Errorf("%s: %d codes, the first %d; want %d", kmsg.NameForKey(apis[i].key), got, first, want)
		}
	}
}

func TestFirstErrorCode(t *testing.T) {
	r := kmsg.NewPtrProduceResponse()
	for _, code := range []int16{0, 7, 3} {
		r.Topics = append(r.Topics, kmsg.ProduceResponseTopic{Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: code}}})
	}
	if first := new(counters).count(r); first != 7 {
		t.Errorf("first code %d, want 7", first)
	}
}

// Of an answer that is not one of kmsg's each error counts, too.
func TestErrorsOfProduceAreCounted(t *testing.T) {
	b := newBed(t)
	b.topic("orders")
	r := produceRequest("orders", 0, records("x"))
	for _, none := range []int32{70, 71} {
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Partition: none, Records: records("x")})
	}
	ask[*kmsg.ProduceResponse](b.client, 9, r)
	const unknown = 3 // UNKNOWN_TOPIC_OR_PARTITION
	if n := b.broker.stats.codes[unknown+1].Load(); n != 2 {
		t.Errorf("%d errors counted, want 2", n)
	}
}
