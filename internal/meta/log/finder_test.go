package log

import (
	"math/rand/v2"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
)

// A Finder finds what Partition finds, in order or out of it, also what is not there.
func TestFinder(t *testing.T) {
	s := New()
	for n := range uint32(20) {
		e := &TopicCreated{Number: n + 1, ID: base.TopicID{byte(n + 1)}, Name: string(rune('a' + n)), Partitions: 1 + int32(n)*13, At: 1}
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		if n%5 == 3 {
			if err := s.Apply(&TopicDeleted{Number: n + 1, At: 2}); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		find := s.Finder()
		topic, index := 1+r.Uint32N(21), r.Int32N(50)
		for range 300 {
			k := base.KeyOf(topic, index)
			p, ok := find.Partition(k)
			if want, there := s.Partition(k); p != want || ok != there {
				t.Fatalf("partition %s: %v, %t, want %v, %t", k, p, ok, want, there)
			}
			switch r.IntN(20) {
			case 0:
				topic, index = 1+r.Uint32N(21), r.Int32N(300)
			case 1:
				index = max(0, index-r.Int32N(9))
			default:
				index += r.Int32N(7)
			}
		}
	}
}
