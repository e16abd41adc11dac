package console

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/millrace-io/millrace/internal/base"
)

// Provider is where the console's numbers come from. Its methods are called from many goroutines, must not block on
// the bucket or a peer, and cost no more than reading memory: Stats is asked every two seconds.
type Provider interface {
	// Ready gives nil while the agent serves clients, else why it does not.
	Ready() error
	// Status describes the cluster as this agent sees it.
	Status(ctx context.Context) Status
	// Stats gives this agent's counters and gauges.
	Stats() Stats
}

// Status is the cluster as one agent sees it. Lists are in the order they are to be shown in.
type Status struct {
	ClusterID string  `json:"cluster_id"`
	Version   string  `json:"version"`                      // of this agent
	Bucket    string  `json:"bucket"`                       // URL; New's handler strips secrets from it once more
	Latency   string  `json:"artificial_latency,omitempty"` // profile by which the bucket is slowed down on purpose
	Bootstrap string  `json:"bootstrap"`
	Level     uint16  `json:"feature_level"` // of what is written into the journal: what all agents know
	Agents    []Agent `json:"agents"`
	Topics    []Topic `json:"topics"`
	Groups    []Group `json:"groups"`
}

// Agent is one registered agent.
type Agent struct {
	Node      base.Incarnation `json:"node"`
	Address   string           `json:"address"` // advertised to Kafka clients
	Zone      string           `json:"zone"`
	Group     string           `json:"agent_group"`
	Roles     []string         `json:"roles"`
	Version   string           `json:"version"`
	Level     uint16           `json:"feature_level"` // that it knows
	Self      bool             `json:"self"`
	Sequencer bool             `json:"sequencer"` // proposes for its network domain
	Renewed   base.Millis      `json:"renewed"`   // bucket time of the last renewal
}

// Topic is one topic. Records is the sum of (end - start) offset, Bytes what they take in the bucket.
type Topic struct {
	Name       string `json:"topic"`
	ID         string `json:"id"`
	Partitions int    `json:"partitions"`
	Records    int64  `json:"records"`
	Bytes      int64  `json:"bytes"`
}

// Group is one group of consumers. Lag is the sum over committed partitions, negative if it is not known.
type Group struct {
	Name    string `json:"group"`
	State   string `json:"state"`
	Type    string `json:"type"` // classic, consumer, share
	Members int    `json:"members"`
	Lag     int64  `json:"lag"`
}

// Stats is a snapshot of this agent's counters, which only grow, and gauges.
type Stats struct {
	RecordsIn, RecordsOut uint64 // produced by clients, fetched by clients
	BytesIn, BytesOut     uint64 // of their batches, as stored
	BatchesIn, BatchesOut uint64
	BatchesAsTheyLay      uint64 // of those fetched: sent as they lie in the bucket, as the offsets that they would get were foreseen

	EntriesWritten, EntriesLost uint64 // journal slots this agent won, and tried for in vain

	SegmentsRode, SegmentsUploaded uint64 // segments of this agent that ride in journal entries, and those uploaded
	Landings                       uint64 // data files this agent has made of what rode
	Merges                         uint64 // data files this agent has made of small extents
	FilesRemoved                   uint64 // data files this agent has deleted, as nothing of them was left
	Riding                         Riding // all agents' segments that ride and have not landed yet

	Connections   int64
	ParkedBatches int64 // waiting for their predecessor
	FetchSessions int64
	Waiters       int64 // fetches that wait for data
	Groups        int64
	Topics        int64
	Partitions    int64

	JournalSlot  base.Slot     // the last entry applied
	SnapshotSlot base.Slot     // the entry of the newest snapshot known
	ViewLag      time.Duration // age of the published view: how long ago the journal was last known to hold no more

	SnapshotsPassedOver uint64        // damaged ones, in whose place this agent loaded an older one
	Damage              []DamagedFile // that reads have met, in order of names

	MemoryUsed, MemoryLimit int64 // bytes reserved for requests, answers and the cache, and all that the agent may use

	Store        []StoreOperation
	Hedges       uint64 // requests sent a second time, as their answer was late
	HedgesWon    uint64 // of these, those that were answered first
	StoreLatency string // profile by which the bucket is slowed down on purpose; empty: it is not
}

// Riding is what rides in journal entries and has not landed in data files yet, of all agents, as this agent sees the journal.
type Riding struct {
	Segments  int64 `json:"segments"`
	Bytes     int64 `json:"bytes"`
	KeptSlots int64 `json:"kept_slots"` // from the first entry that something rides in to the journal's end: none may be deleted
	AgeMs     int64 `json:"age_ms_max"` // of the first, by the bucket's clock
}

// ridingMsMax is twenty times as long as anything rides where all is well (jobs/land).
const ridingMsMax = 10 * 60 * 1000

// Stuck reports whether something rides that should long have landed.
func (r Riding) Stuck() bool { return r.AgeMs > ridingMsMax }

// DamagedFile counts the reads that met a data file which the bucket does not hold as it was written. A provider bounds how many
// it names: the name is a label of a metric.
type DamagedFile struct {
	File    string `json:"file"`    // key in the bucket, or "other"
	Missing bool   `json:"missing"` // else damaged
	Reads   uint64 `json:"reads"`
}

// StoreOperation is what was asked of the bucket by one operation.
type StoreOperation struct {
	Name                     string // put-if-absent, put, get, head, list, delete
	Requests                 uint64
	Errors                   map[string]uint64 // by kind; few kinds
	BytesSent, BytesReceived uint64
	Latency                  Histogram
}

// Histogram is counted latencies: Counts[i] fell above Bounds[i-1] and up to Bounds[i]; the last count, one more than
// there are bounds, is the rest. An empty one is not shown.
type Histogram struct {
	Bounds []time.Duration
	Counts []uint64
	Total  time.Duration
}

// sumOf adds up one number of the operations named.
func (s Stats) sumOf(number func(StoreOperation) uint64, names ...string) (sum uint64) {
	for _, op := range s.Store {
		for _, name := range names {
			if op.Name == name {
				sum += number(op)
			}
		}
	}
	return sum
}

// damage leaves the files out that no read has met.
func (s Stats) damage() []DamagedFile {
	list := []DamagedFile{}
	for _, f := range s.Damage {
		if f.Reads > 0 {
			list = append(list, f)
		}
	}
	return list
}

func (s Stats) puts() uint64 {
	return s.sumOf(func(o StoreOperation) uint64 { return o.Requests }, "put", "put-if-absent")
}

func (s Stats) gets() uint64 {
	return s.sumOf(func(o StoreOperation) uint64 { return o.Requests }, "get", "head", "list")
}

// withoutSecrets leaves of a bucket URL what names the bucket: credentials live in the user part and the query.
func withoutSecrets(bucket string) string {
	u, err := url.Parse(bucket)
	if err != nil {
		// Not a URL after all: what follows these could hold a secret.
		return strings.FieldsFunc(bucket+" ", func(r rune) bool { return r == '@' || r == '?' || r == '#' })[0]
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
