package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kind is what an event tells of.
type Kind string

const (
	// Ack: the records were acknowledged to a producer; at Somewhere if it was not told where.
	Ack Kind = "ack"
	// Poll: one poll of a consumer returned the records, in this order.
	Poll Kind = "poll"
	// Assign: partitions became a consumer's. Each record has a partition and the offset that the consumer begins at;
	// Committed if that is for the group to know.
	Assign Kind = "assign"
	// Revoke: partitions ceased to be a consumer's. Each record has a partition.
	Revoke Kind = "revoke"
	// Commit: a commit was acknowledged to a consumer. Each record has a partition and the offset of the next record.
	Commit Kind = "commit"
	// Error: a client was told Text. It is Fatal if the client gave something up; else it tried again by itself.
	Error Kind = "error"
	// End: a client ended in good order. A producer says how many records it has Sent to each partition.
	End Kind = "end"
)

const (
	// Committed is the offset of an assignment that goes on where the group is.
	Committed int64 = -1
	// Somewhere is the offset of a record that was acknowledged without one. librdkafka takes the acknowledgement of a
	// batch for that of those before it whose answers it did not get.
	Somewhere int64 = -1
)

// Event is one line of a client's history.
type Event struct {
	// At is the client's wall clock in microseconds since 1970. All clients run on one machine, so that these compare.
	At int64 `json:"at"`
	// Client is unique among all that ever ran; a producer's is the one in its values.
	Client string `json:"client"`
	// Group is the consumer group of a member, "" for others.
	Group   string   `json:"group,omitempty"`
	Kind    Kind     `json:"kind"`
	Records []Record `json:"records,omitempty"`
	Text    string   `json:"text,omitempty"`
	Fatal   bool     `json:"fatal,omitempty"`
	Sent    int64    `json:"sent,omitempty"`
}

// Record is a record and its place, or a place alone.
type Record struct {
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
	Value     string `json:"v,omitempty"`
}

// Number is which record it is. A producer numbers its records for each partition from 0; those of one operation were
// sent together.
type Number struct {
	Producer  string
	Operation int64
	Index     int64
}

// String is the value of the record with that number.
func (n Number) String() string { return fmt.Sprintf("%s %d %d", n.Producer, n.Operation, n.Index) }

// ParseNumber reads a record's value.
func ParseNumber(value string) (n Number, err error) {
	if _, err := fmt.Sscanf(value, "%s %d %d", &n.Producer, &n.Operation, &n.Index); err != nil || n.String() != value {
		return Number{}, fmt.Errorf("%q is no value of a producer here", value)
	}
	return n, nil
}

// Read hands on the events of a client's output, one a line, until it ends.
func Read(r io.Reader, add func(Event)) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e Event
			if jerr := json.Unmarshal(line, &e); jerr != nil {
				return fmt.Errorf("a client wrote %.200q: %w", line, jerr)
			}
			add(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
