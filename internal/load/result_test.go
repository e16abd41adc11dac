package load

import (
	"strings"
	"testing"
	"time"
)

// A rate is missed by what was due and not sent, or piled up behind it; not by what is still under way as the window ends.
func TestWhenARateIsMissed(t *testing.T) {
	for name, c := range map[string]struct {
		seconds, acked float64 // the window, and records acknowledged a second in it, of 500
		unsent         uint64
		p50            float64 // ms
		last           time.Duration
		says           string
	}{
		"no warm-up: the last 170 ms are under way":  {1, 417, 0, 155, 250 * time.Millisecond, ""},
		"a slow bucket, no warm-up":                  {30, 470, 0, 1500, 1800 * time.Millisecond, ""},
		"ended by hand":                              {2.24, 481, 0, 160, 170 * time.Millisecond, ""},
		"a client that overslept":                    {1, 480, 20, 155, 250 * time.Millisecond, ""},
		"a stall in the end, of which it recovers":   {30, 480, 0, 150, 500 * time.Millisecond, ""},
		"a quarter of it":                            {1, 130, 350, 500, time.Second, "of 500 records that were due in 1 s, 350 were not sent"},
		"a little less":                              {30, 480, 700, 900, time.Second, "of 15,000 records that were due in 30 s, 700 were not sent"},
		"half of it, and the rest piles up":          {30, 250, 0, 15_000, 30 * time.Second, "250 of 500 records/s were acknowledged, and those that were sent piled up: the last acknowledgement came 30.0 s"},
		"nine tenths of it":                          {30, 450, 0, 1700, 3300 * time.Millisecond, "450 of 500 records/s"},
		"the rest came late, but the rate was there": {30, 499, 0, 150, 5 * time.Second, ""},
	} {
		r := &run{config: Config{RecordsPerSec: 500}, shape: shapes[Tail], window: newWindow(0, time.Duration(c.seconds*float64(time.Second)))}
		r.producers = []*producer{{meter: &meter{last: r.window.end() + c.last}}}
		got := r.rateNote(&Result{Seconds: c.seconds, Produced: &Flow{RecordsPerSec: c.acked}, Ack: &Latency{P50: c.p50}, Unsent: c.unsent})
		if c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
}
