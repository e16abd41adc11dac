package ingest

import "github.com/millrace-io/millrace/internal/meta/log"

// What rides in journal entries is read by every agent, with the entry, and sent to each of its followers by the sequencer.
const (
	// rideRate is how many bytes a second an agent lets ride, in the long run, and rideBurst what a quiet time saves up:
	// segments of half the size that may ride, at the pace of early sealing, and then some.
	rideRate  = 1 << 20
	rideBurst = 1 << 20
	// rideRateAll is how many all agents do together: what each of them has to read for the others' sake.
	rideRateAll = 4 << 20
	// rideWaitingMax bounds the riders that wait for their entry: at rideRate some seconds. When the bucket is that slow it is
	// better asked for several things at once.
	rideWaitingMax = 4 << 20
	// ridingMax bounds what rides in all, landed by nobody: what 16 s of rideRateAll come to. Landing begins at an eighth of
	// it.
	ridingMax = 64 << 20
)

// riding is the budget of what rides.
type riding struct {
	tokens  tokens // bytes
	waiting int    // bytes that wait for their entry
}

// mayRide decides whether a segment of so many bytes rides, and takes that off the budget. None does while an agent of an older
// version lives that knows no riders.
func (i *Ingest) mayRide(s *sealed, bytes int) bool {
	if !i.config.Rides || bytes > log.RideBytesMax {
		return false
	}
	v := i.journal.View()
	if !log.RidersKnown(v.Admin.Level(log.RidersLevel)) {
		return false
	}
	agents := max(1, len(v.Admin.Agents()))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rides.tokens.refill(i.env.Now(), min(rideRate, float64(rideRateAll/agents)), rideBurst)
	if i.rides.tokens.have < float64(bytes) || i.rides.waiting+bytes > rideWaitingMax || v.Log.RidingBytes() >= ridingMax {
		return false
	}
	i.rides.tokens.have -= float64(bytes)
	i.rides.waiting += bytes
	s.rides = bytes
	i.counts.rode.Add(1)
	i.counts.rodeBytes.Add(int64(bytes))
	return true
}
