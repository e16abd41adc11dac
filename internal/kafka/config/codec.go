package config

import "github.com/millrace-io/millrace/internal/base/codec"

// EncodeKVs writes settings as Millrace's own formats hold them: a count, then names and values.
func EncodeKVs(w *codec.Writer, kvs []KV) {
	w.Uvarint(uint64(len(kvs)))
	for _, kv := range kvs {
		w.String(kv.Name)
		w.String(kv.Value)
	}
}

// DecodeKVs reads what EncodeKVs wrote. Errors are r.Err's.
func DecodeKVs(r *codec.Reader) []KV {
	n := r.Count(2)
	if n == 0 {
		return nil
	}
	kvs := make([]KV, 0, n)
	for i := 0; i < n; i++ {
		kvs = append(kvs, KV{Name: r.String(), Value: r.String()})
	}
	return kvs
}

// EncodeOps writes operations: a count, then kind, name, whether there is a value, and the value.
func EncodeOps(w *codec.Writer, ops []Op) {
	w.Uvarint(uint64(len(ops)))
	for _, op := range ops {
		w.Uint8(uint8(op.Kind))
		w.String(op.Name)
		w.Bool(op.Value != nil)
		if op.Value != nil {
			w.String(*op.Value)
		}
	}
}

// DecodeOps reads what EncodeOps wrote. Errors are r.Err's.
func DecodeOps(r *codec.Reader) []Op {
	n := r.Count(3)
	ops := make([]Op, 0, n)
	for i := 0; i < n; i++ {
		op := Op{Kind: OpKind(r.Uint8()), Name: r.String()}
		if r.Bool() {
			v := r.String()
			op.Value = &v
		}
		ops = append(ops, op)
	}
	return ops
}
