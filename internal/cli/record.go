package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// jsonRecord is a record as consume --json prints it and produce --json reads it. Bytes that are no UTF-8 text travel
// in the …_base64 field instead, and then the other is null.
type jsonRecord struct {
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	Offset      int64        `json:"offset"`
	Timestamp   int64        `json:"timestamp"` // milliseconds since the epoch
	Key         *string      `json:"key"`
	KeyBase64   *string      `json:"key_base64,omitempty"`
	Value       *string      `json:"value"`
	ValueBase64 *string      `json:"value_base64,omitempty"`
	Headers     []jsonHeader `json:"headers,omitempty"`
}

type jsonHeader struct {
	Key         string  `json:"key"`
	Value       *string `json:"value"`
	ValueBase64 *string `json:"value_base64,omitempty"`
}

func toJSON(r *kgo.Record) jsonRecord {
	out := jsonRecord{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
	out.Key, out.KeyBase64 = fromBytes(r.Key)
	out.Value, out.ValueBase64 = fromBytes(r.Value)
	for _, h := range r.Headers {
		header := jsonHeader{Key: h.Key}
		header.Value, header.ValueBase64 = fromBytes(h.Value)
		out.Headers = append(out.Headers, header)
	}
	return out
}

func fromBytes(b []byte) (text, encoded *string) {
	if b == nil {
		return nil, nil
	}
	s := string(b)
	if utf8.Valid(b) {
		return &s, nil
	}
	s = base64.StdEncoding.EncodeToString(b)
	return nil, &s
}

func toBytes(text, encoded *string) ([]byte, error) {
	switch {
	case encoded != nil:
		return base64.StdEncoding.DecodeString(*encoded)
	case text != nil:
		return []byte(*text), nil
	}
	return nil, nil
}

// parseJSONRecord reads one line. Topic, partition and offset are where the record came from, not where it goes, and
// are left aside; a timestamp is kept.
func parseJSONRecord(line []byte) (*kgo.Record, error) {
	var in jsonRecord
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, fmt.Errorf("not a JSON record: %w", err)
	}
	var err error
	r := &kgo.Record{}
	if in.Timestamp > 0 {
		r.Timestamp = time.UnixMilli(in.Timestamp)
	}
	if r.Key, err = toBytes(in.Key, in.KeyBase64); err != nil {
		return nil, fmt.Errorf("key_base64: %w", err)
	}
	if r.Value, err = toBytes(in.Value, in.ValueBase64); err != nil {
		return nil, fmt.Errorf("value_base64: %w", err)
	}
	for _, h := range in.Headers {
		value, err := toBytes(h.Value, h.ValueBase64)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.Key, err)
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: value})
	}
	return r, nil
}
