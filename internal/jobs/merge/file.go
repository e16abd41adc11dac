package merge

import (
	"bytes"
	"slices"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/kafka/batch"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/segment"
)

// file is a merged file in the making.
type file struct {
	builder   *segment.Builder
	stretches []log.MergeStretch
	parts     []segment.Part // of the stretch that is added; reused
	front     [batch.FrontSize]byte
}

var errShort = base.Errorf(base.CorruptMessage, "the file is shorter than the state says")

// add takes a stretch in whose pieces were read, if all of its batches are sound. Their bytes are referred to until the file is written.
func (f *file) add(s *Stretch, epoch int32, pieces []piece) error {
	if plant.LeftOut(plant.MergesInOrder) {
		slices.Reverse(pieces)
	}
	f.parts = f.parts[:0]
	offset := s.Base
	for i := range pieces {
		var err error
		if offset, err = f.addPiece(&pieces[i], offset, epoch); err != nil {
			return err
		}
	}
	at := f.builder.Add(s.Topic, s.Key.Index(), f.parts...)
	f.stretches = append(f.stretches, log.MergeStretch{Topic: s.Topic, Partition: s.Key.Index(), Stretch: s.Stretch, Pos: uint32(at.Pos), Hash: s.Sum.Hash})
	return nil
}

// addPiece adds the batches of an extent that begins at offset, and gives where it ends.
func (f *file) addPiece(p *piece, offset int64, epoch int32) (int64, error) {
	switch {
	case p.err != nil:
		return 0, p.err
	case p.bytes == nil:
		return 0, errShort
	}
	for rest := p.bytes; len(rest) > 0; {
		b, behind, err := batch.Next(rest)
		switch {
		case err != nil:
			return 0, err
		case b == nil || len(b) < batch.HeaderSize:
			return 0, base.Errorf(base.CorruptMessage, "the extent at offset %d ends within a batch", p.Base)
		case b.ComputeCRC() != b.CRC():
			return 0, base.Errorf(base.CorruptMessage, "the batch at offset %d bears checksum %08x, its bytes have %08x", offset, b.CRC(), b.ComputeCRC())
		}
		f.parts = append(f.parts, f.part(b, offset, epoch))
		offset, rest = offset+int64(b.LastOffsetDelta())+1, behind
	}
	if offset != p.End() && !plant.LeftOut(plant.MergesInOrder) {
		return 0, base.Errorf(base.CorruptMessage, "the batches of the extent at offset %d end at %d, the state says %d", p.Base, offset, p.End())
	}
	return offset, nil
}

// part gives a batch with the front that the log has for it. Where an agent has a partition for itself all bear it, as it was foreseen (RFC 4).
func (f *file) part(b batch.Batch, offset int64, epoch int32) segment.Part {
	front := f.front[:]
	batch.PutFront(front, offset, uint32(len(b)), epoch)
	p := segment.Part{Bytes: b, CRC: b.SumWith(front)}
	if !bytes.Equal(front, b[:batch.FrontSize]) {
		p.Front = bytes.Clone(front)
	}
	return p
}

// sorted are the stretches as a command has them.
func (f *file) sorted() []log.MergeStretch {
	slices.SortFunc(f.stretches, func(a, b log.MergeStretch) int { return a.Compare(&b) })
	return f.stretches
}
