package log

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A set of producers is held against a list of them, through all its forms: one array, a row of parts, chunks in a tree, and back. A
// version that was left behind stays as it was.
func TestProducersAgainstList(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		ids := 1 + r.Int64N(120)
		var set producers
		var model []Producer
		type version struct {
			set   producers
			model []Producer
		}
		var kept []version
		for step := range int64(300) {
			growing := step/100%2 == 0
			id := r.Int64N(ids)
			i, found := searchProducer(model, id)
			if r.IntN(10) == 0 {
				kept = append(kept, version{set, slices.Clone(model)})
			}
			set.fork()
			if growing || r.IntN(3) == 0 {
				p := Producer{ID: id, LastOffset: step, n: 1}
				set.put(p)
				if !found {
					model = slices.Insert(model, i, p)
				}
				model[i] = p
			} else {
				if set.remove(id) != found {
					t.Fatalf("seed %d, step %d: producer %d was there: %t", seed, step, id, found)
				}
				if found {
					model = slices.Delete(model, i, i+1)
				}
			}
			holdAgainst(t, &set, model)
		}
		for i := range kept {
			holdAgainst(t, &kept[i].set, kept[i].model)
		}
	}
}

func holdAgainst(t *testing.T, set *producers, model []Producer) {
	t.Helper()
	var got []Producer
	set.each(func(p *Producer) bool {
		got = append(got, *p)
		return true
	})
	if !slices.Equal(got, model) {
		t.Fatalf("it has %v, want %v", got, model)
	}
	for _, p := range model {
		if found := set.get(p.ID); found == nil || *found != p {
			t.Fatalf("producer %d is not found", p.ID)
		}
	}
	if set.get(1000) != nil {
		t.Fatal("a producer is found that is not there")
	}
	if err := set.check(1000); err != nil {
		t.Fatal(err)
	}
	if flat := rowOf(set.few.flat()); set.many == nil && (!flat.sound() || !slices.Equal(flat.flat(), model)) {
		t.Fatalf("from a snapshot it has %v, want %v", flat.flat(), model)
	}
}

// New producers come last: what was there before is not copied for them, nor for what they append.
func TestAppendsShareOlderProducers(t *testing.T) {
	var set producers
	for id := range int64(fewProducers) {
		set.put(Producer{ID: id, n: 1})
	}
	before := set
	set.put(Producer{ID: fewProducers - 1, LastOffset: 7, n: 1})
	for id := range int64(fewProducers - rowPart) {
		if set.get(id) != before.get(id) {
			t.Fatalf("producer %d was copied", id)
		}
	}
	if len(set.few.rest) != fewProducers/rowPart-1 {
		t.Errorf("%d parts", 1+len(set.few.rest))
	}
}
