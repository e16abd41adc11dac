package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// Results come in the order of the seeds however many run at once, and no more when it is enough.
func TestSeeds(t *testing.T) {
	for _, c := range []struct {
		from, to uint64
		enough   int
		want     []uint64
	}{
		{3, 3, 9, []uint64{3}},
		{0, 5, 9, []uint64{0, 1, 2, 3, 4, 5}},
		{10, 99, 4, []uint64{10, 11, 12, 13}},
		{math.MaxUint64 - 1, math.MaxUint64, 9, []uint64{math.MaxUint64 - 1, math.MaxUint64}},
		{1, 0, 9, nil},
	} {
		for _, atOnce := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%d to %d, %d at once", c.from, c.to, atOnce), func(t *testing.T) {
				var got []uint64
				Seeds(c.from, c.to, atOnce, func(seed uint64) *Result { return &Result{Seed: seed} }, func(r *Result) bool {
					got = append(got, r.Seed)
					return len(got) < c.enough
				})
				if !slices.Equal(got, c.want) {
					t.Errorf("got %d, want %d", got, c.want)
				}
			})
		}
	}
}
