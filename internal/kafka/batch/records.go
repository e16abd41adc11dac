package batch

import (
	"encoding/binary"
	"math"
)

// Header is a header of a record (KIP-82). A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record of a batch. Key and Value are nil when null, and share the batch's memory or, if that is
// compressed, the buffer it was decompressed to.
type Record struct {
	OffsetDelta    int32
	TimestampDelta int64
	Key, Value     []byte
	rawHeaders     []byte
	headerCount    int32
}

// Headers decodes the record's headers, whose keys and values are copied; nil if there are none.
func (r *Record) Headers() []Header {
	if r.headerCount == 0 {
		return nil
	}
	out := make([]Header, 0, r.headerCount)
	p := parser{b: r.rawHeaders}
	for range r.headerCount {
		key, value := p.bytes(), p.bytes()
		h := Header{Key: string(key)}
		if value != nil {
			h.Value = append([]byte{}, value...)
		}
		out = append(out, h)
	}
	return out
}

// Iterator goes through the records of a batch with their contents.
//
//	it, err := Iterate(b, MaxDecompressedBytes)
//	for it.Next() {
//		use(it.Record())
//	}
//	err = it.Err()
type Iterator struct {
	batch  Batch
	p      parser
	left   int32
	record Record
	err    error
}

// Iterate begins at the first record of b. A compressed batch is decompressed at once, to at most maxBytes. Records
// that cannot be read are CorruptMessage.
func Iterate(b Batch, maxBytes int) (*Iterator, error) {
	body, err := decompress(b, maxBytes)
	if err != nil {
		return nil, unreadable(b, err)
	}
	return &Iterator{batch: b, p: parser{b: body}, left: b.Count()}, nil
}

// decompress gives the records of b as plain bytes: its own if they are not compressed.
func decompress(b Batch, maxBytes int) ([]byte, error) {
	if b.Attributes().Codec() == None {
		return b.Body(), nil
	}
	w, err := walk(b)
	if err != nil {
		return nil, err
	}
	defer w.release()
	out := append([]byte(nil), w.buf...)
	for {
		if len(out) > maxBytes {
			return nil, errTooLarge
		}
		w.at = len(w.buf)
		end, err := w.atEnd()
		if err != nil {
			return nil, early(err)
		}
		if end {
			return out, nil
		}
		out = append(out, w.buf...)
	}
}

// Next goes to the next record; false at the end, or when a record cannot be read (see Err).
func (it *Iterator) Next() bool {
	if it.left <= 0 || it.err != nil {
		return false
	}
	it.left--
	it.record = it.p.record()
	if it.p.bad {
		it.err = unreadable(it.batch, errStructure)
	}
	return it.err == nil
}

// Record is the record that Next went to; it is valid until the next call of Next.
func (it *Iterator) Record() *Record { return &it.record }

// Offset is the record's offset, upon the base offset that the batch bears.
func (it *Iterator) Offset() int64 { return it.batch.BaseOffset() + int64(it.record.OffsetDelta) }

// Timestamp is the record's timestamp as a consumer sees it.
func (it *Iterator) Timestamp() int64 {
	if it.batch.Attributes().Has(LogAppendTime) {
		return it.batch.MaxTimestamp()
	}
	return it.batch.BaseTimestamp() + it.record.TimestampDelta
}

// Err is what ended the iteration before the last record.
func (it *Iterator) Err() error { return it.err }

// parser takes values from the front of b; after the first that is malformed bad is set and all are zero.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) fail() { p.b, p.bad = nil, true }

func (p *parser) varint() int64 {
	v, n := binary.Varint(p.b)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *parser) varint32() int32 {
	v := p.varint()
	if v < math.MinInt32 || v > math.MaxInt32 {
		p.fail()
		return 0
	}
	return int32(v)
}

func (p *parser) take(n int32) []byte {
	if n < 0 || int(n) > len(p.b) {
		p.fail()
		return nil
	}
	v := p.b[:n:n]
	p.b = p.b[n:]
	return v
}

// bytes takes a length and its bytes; nil for null, never for empty.
func (p *parser) bytes() []byte {
	n := p.varint32()
	if p.bad || n < 0 {
		return nil
	}
	return p.take(n)
}

func (p *parser) record() (r Record) {
	body := parser{b: p.take(p.varint32())}
	body.take(1) // attributes: none are in use
	r.TimestampDelta = body.varint()
	r.OffsetDelta = body.varint32()
	r.Key = body.bytes()
	r.Value = body.bytes()
	r.headerCount = body.varint32()
	r.rawHeaders = body.b
	body.skipHeaders(r.headerCount)
	p.bad = p.bad || body.bad || len(body.b) != 0
	return r
}

func (p *parser) skipHeaders(n int32) {
	if n < 0 || int(n) > len(p.b)/2 {
		p.fail()
		return
	}
	for range n {
		if key := p.bytes(); key == nil {
			p.fail()
			return
		}
		p.bytes()
	}
}
