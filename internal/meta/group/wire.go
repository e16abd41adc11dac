package group

import (
	"math"

	"github.com/millrace-io/millrace/internal/base/codec"
)

func putOpt(w *codec.Writer, s *string) {
	w.Bool(s != nil)
	if s != nil {
		w.String(*s)
	}
}

func getOpt(r *codec.Reader) *string {
	if !r.Bool() {
		return nil
	}
	s := r.String()
	return &s
}

// getInt32 takes a varint that must fit 32 bits.
func getInt32(r *codec.Reader) int32 {
	v := r.Varint()
	if v < math.MinInt32 || v > math.MaxInt32 {
		malformed(r)
		return 0
	}
	return int32(v)
}

// malformed puts r into the state that follows a malformed value.
func malformed(r *codec.Reader) { r.B, r.Err = nil, codec.ErrMalformed }

// getList takes a count and that many elements, each at least minBytes long. An empty list is nil.
func getList[T any](r *codec.Reader, minBytes int, get func() T) []T {
	n := r.Count(minBytes)
	if n == 0 {
		return nil
	}
	list := make([]T, 0, n)
	for range n {
		if list = append(list, get()); r.Err != nil {
			return nil
		}
	}
	return list
}

func putProtocols(w *codec.Writer, ps []Protocol) {
	w.Uvarint(uint64(len(ps)))
	for _, p := range ps {
		w.String(p.Name)
		w.Bytes(p.Metadata)
	}
}

func getProtocols(r *codec.Reader) []Protocol {
	return getList(r, 2, func() Protocol { return Protocol{Name: r.String(), Metadata: r.Bytes()} })
}

func putAssignments(w *codec.Writer, as []Assignment) {
	w.Uvarint(uint64(len(as)))
	for _, a := range as {
		w.String(a.MemberID)
		w.Bytes(a.Bytes)
	}
}

func getAssignments(r *codec.Reader) []Assignment {
	return getList(r, 2, func() Assignment { return Assignment{MemberID: r.String(), Bytes: r.Bytes()} })
}

func putCommits(w *codec.Writer, ps []CommitPartition) {
	w.Uvarint(uint64(len(ps)))
	for _, p := range ps {
		w.Raw(p.Topic[:])
		w.Uint32(uint32(p.Partition))
		w.Varint(p.Offset)
		w.Varint(int64(p.LeaderEpoch))
		w.String(p.Metadata)
	}
}

func getCommits(r *codec.Reader) []CommitPartition {
	return getList(r, 23, func() (p CommitPartition) {
		r.Fixed(p.Topic[:])
		p.Partition = int32(r.Uint32())
		p.Offset = r.Varint()
		p.LeaderEpoch = getInt32(r)
		p.Metadata = r.String()
		return p
	})
}
