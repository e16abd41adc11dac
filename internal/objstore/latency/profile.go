package latency

import (
	"math"
	"time"
)

// Spread is a log-normal distribution of durations, by two of its quantiles.
type Spread struct{ P50, P99 time.Duration }

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// At gives the quantile of u, 0 < u < 1.
func (s Spread) At(u float64) time.Duration {
	z := math.Sqrt2 * math.Erfinv(2*u-1)
	return time.Duration(float64(s.P50) * math.Pow(float64(s.P99)/float64(s.P50), z/z99))
}

// scaled gives the spread of what takes n times as long.
func (s Spread) scaled(n time.Duration) Spread { return Spread{n * s.P50, n * s.P99} }

// Sizes for which a profile says how long a PUT takes.
const (
	smallPut = 64 << 10
	largePut = 4 << 20
)

// Profile is how fast a store is. See the package's comment for the figures.
type Profile struct {
	Name               string
	PutSmall, PutLarge Spread // of up to 64 KiB; of 4 MiB
	Get                Spread // to the first byte
	Head, List, Delete Spread
	GetBytesPerSec     float64 // of the body that follows
}

// stallOneIn requests takes stallFor longer.
const (
	stallOneIn = 2000
	stallFor   = time.Second
)

// Put gives the spread of a PUT of n bytes.
func (p Profile) Put(n int) Spread {
	switch {
	case n <= smallPut:
		return p.PutSmall
	case n <= largePut:
		share := math.Log2(float64(n)/smallPut) / math.Log2(largePut/smallPut)
		return Spread{between(p.PutSmall.P50, p.PutLarge.P50, share), between(p.PutSmall.P99, p.PutLarge.P99, share)}
	}
	share := float64(n-smallPut) / (largePut - smallPut) // straight on along the line from small to large
	return Spread{between(p.PutSmall.P50, p.PutLarge.P50, share), between(p.PutSmall.P99, p.PutLarge.P99, share)}
}

func between(from, to time.Duration, share float64) time.Duration {
	return from + time.Duration(share*float64(to-from))
}

// Profiles are all there are, by name.
var Profiles = []Profile{
	profile("gcs", Spread{70 * ms, 250 * ms}, Spread{125 * ms, 350 * ms}, Spread{40 * ms, 150 * ms}, 80e6),
	profile("s3-express", Spread{8 * ms, 20 * ms}, Spread{25 * ms, 60 * ms}, Spread{5 * ms, 15 * ms}, 240e6),
	profile("s3-standard", Spread{45 * ms, 150 * ms}, Spread{100 * ms, 250 * ms}, Spread{30 * ms, 120 * ms}, 80e6),
}

const ms = time.Millisecond

func profile(name string, putSmall, putLarge, get Spread, bytesPerSec float64) Profile {
	return Profile{Name: name, PutSmall: putSmall, PutLarge: putLarge, Get: get, GetBytesPerSec: bytesPerSec,
		Head: get, List: get.scaled(2), Delete: putSmall}
}

// Named finds a profile.
func Named(name string) (Profile, bool) {
	for _, p := range Profiles {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}
