package crash

import (
	"strings"
	"testing"
	"time"
)

// Every fault that verify is there to find is found, and a good history passes.
func TestVerifyFindsEachFault(t *testing.T) {
	a := func(i int64) number { return number{producer: 1, index: i} }
	for name, tc := range map[string]struct {
		happen func(h *history)
		log    []number
		want   string
	}{
		"all is well":              {func(h *history) {}, []number{a(0), a(1), a(2)}, ""},
		"not acked, yet there":     {func(h *history) {}, []number{a(0), a(1), a(2), a(3)}, ""},
		"lost at the end":          {func(h *history) {}, []number{a(0), a(1)}, "lost-write"},
		"another in its place":     {func(h *history) {}, []number{a(0), {producer: 2}, a(1), a(2)}, "lost-write"},
		"written twice":            {func(h *history) {}, []number{a(0), a(1), a(2), a(2)}, "duplicate"},
		"reordered":                {func(h *history) {}, []number{a(0), a(2), a(1)}, "duplicate or reorder"},
		"one in the middle is not": {func(h *history) {}, []number{a(0), a(1), a(2), a(4)}, "gap"},
		"two acked at one offset":  {func(h *history) { h.ack(place{0, 2}, a(3), time.Now()) }, []number{a(0), a(1), a(2), a(3)}, "both acknowledged"},
		"readers disagree":         {func(h *history) { h.deliver(readerGroup, place{0, 0}, a(1), time.Now()) }, []number{a(0), a(1), a(2)}, "were given"},
		"a reader saw what is not": {func(h *history) { h.deliver(readerGroup, place{0, 9}, a(9), time.Now()) }, []number{a(0), a(1), a(2)}, "a reader was given"},
		"a reader missed one":      {func(h *history) { h.deliver(readerAssigned, place{0, 2}, a(2), time.Now()) }, []number{a(0), a(1), a(2)}, "poll-skip"},
		"a reader got one twice":   {func(h *history) { h.deliver(readerAssigned, place{0, 0}, a(0), time.Now()) }, []number{a(0), a(1), a(2)}, "poll-skip"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory()
			for i := range int64(3) {
				h.ack(place{0, i}, a(i), time.Now())
			}
			h.deliver(readerAssigned, place{0, 0}, a(0), time.Now())
			tc.happen(h)
			got := strings.Join(h.verify(map[int32][]number{0: tc.log}), "\n")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("verdict %q, want %q in it", got, tc.want)
			}
		})
	}
}

func TestSilenceLastsUntilSomethingMoves(t *testing.T) {
	h, at := newHistory(), time.Unix(1000, 0)
	h.ack(place{0, 0}, number{}, at)
	h.ack(place{1, 0}, number{}, at)
	h.fromHere(at.Add(10 * time.Second))
	h.ack(place{0, 1}, number{}, at.Add(12*time.Second))
	h.ack(place{0, 2}, number{}, at.Add(13*time.Second))
	if got := h.longest(at.Add(13 * time.Second))["acks"]; got != 3*time.Second {
		t.Errorf("longest silence %v, want the 3 s of partition 1, which has not moved since", got)
	}
}
