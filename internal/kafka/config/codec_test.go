package config

import (
	"bytes"
	"slices"
	"testing"

	"github.com/millrace-io/millrace/internal/base/codec"
)

func TestSetsAndOperationsSurviveTheirFormat(t *testing.T) {
	kvs := []KV{{"cleanup.policy", ""}, {"retention.ms", " 5 "}}
	ops := []Op{{"a", Set, text("1")}, {"b", Delete, nil}, {"c", Append, text("")}, {"d", Subtract, text("x,y")}}
	var w codec.Writer
	EncodeKVs(&w, kvs)
	EncodeOps(&w, ops)
	r := codec.Reader{B: w.B}
	gotKVs, gotOps := DecodeKVs(&r), DecodeOps(&r)
	if err := r.Done(); err != nil || !slices.Equal(gotKVs, kvs) || len(gotOps) != len(ops) {
		t.Fatalf("%v %v %v", gotKVs, gotOps, err)
	}
	for i, op := range ops {
		got := gotOps[i]
		if got.Name != op.Name || got.Kind != op.Kind || show(got.Value) != show(op.Value) || (got.Value == nil) != (op.Value == nil) {
			t.Errorf("%d: %+v, want %+v", i, got, op)
		}
	}
}

// FuzzDecode: no bytes break the decoders, and what they accept is written back so that it decodes to the same.
func FuzzDecode(f *testing.F) {
	var w codec.Writer
	EncodeKVs(&w, []KV{{"a", "b"}})
	EncodeOps(&w, []Op{{"c", Append, text("d")}, {"e", Delete, nil}})
	f.Add(w.B)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := codec.Reader{B: b}
		kvs, ops := DecodeKVs(&r), DecodeOps(&r)
		if r.Done() != nil {
			return
		}
		var first, second codec.Writer
		EncodeKVs(&first, kvs)
		EncodeOps(&first, ops)
		r = codec.Reader{B: first.B}
		EncodeKVs(&second, DecodeKVs(&r))
		EncodeOps(&second, DecodeOps(&r))
		if r.Done() != nil || !bytes.Equal(first.B, second.B) {
			t.Fatalf("%x was written as %x, then as %x", b, first.B, second.B)
		}
	})
}
