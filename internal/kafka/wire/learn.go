package wire

import (
	"bytes"
	"math"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type fieldKind uint8

const (
	fixed         fieldKind = iota // size bytes on the wire
	shortString                    // int16 length; size bytes of memory beside the content
	compactString                  // varint length; size as above
	longBytes                      // int32 length
	compactBytes                   // varint length
	longArray                      // int32 length; size bytes of memory an element
	compactArray                   // varint length; size as above
	nullable                       // a byte, -1 for null, then a struct of size bytes of memory
	tagged                         // tagged fields
)

// field is one value on the wire, or several fixed ones in a row.
type field struct {
	kind fieldKind
	size int
	elem *layout // of arrays and nullable structs
}

// layout is how a struct lies on the wire in one version.
type layout struct {
	fields  []field
	size    int  // of memory
	minWire int  // bytes on the wire with every string and array empty
	flat    bool // always minWire bytes
}

const (
	maxKeys     = 128
	maxVersions = 32
)

// layouts caches what was learned. Two goroutines may learn the same at once; they learn the same.
var layouts [maxKeys][maxVersions]atomic.Pointer[layout]

func layoutOf(key, version int16) (*layout, error) {
	k := keyOf(key)
	if k == nil || version < 0 || version > k.maxVersion {
		return nil, base.Errorf(base.UnsupportedVersion, "%s version %d is not known", kmsg.NameForKey(key), version)
	}
	slot := &layouts[key][version]
	if l := slot.Load(); l != nil {
		return l, nil
	}
	p := prober{key: key, version: version, flexible: version >= k.flexibleFrom}
	l := p.structure(reflect.TypeOf(kmsg.RequestForKey(key)).Elem(), nil)
	slot.Store(l)
	return l, nil
}

// keyFacts is what kmsg knows of a key, without the allocation of a request to ask.
type keyFacts struct {
	known        bool
	maxVersion   int16
	flexibleFrom int16 // versions from here on are flexible (KIP-482)
}

var allKeys = sync.OnceValue(func() *[maxKeys]keyFacts {
	facts := new([maxKeys]keyFacts)
	for key := range facts {
		request := kmsg.RequestForKey(int16(key))
		if request == nil {
			continue
		}
		k := keyFacts{known: true, maxVersion: min(request.MaxVersion(), maxVersions-1)}
		for ; k.flexibleFrom < math.MaxInt16; k.flexibleFrom++ {
			if request.SetVersion(k.flexibleFrom); request.IsFlexible() {
				break
			}
		}
		facts[key] = k
	}
	return facts
})

// keyOf gives the facts of a key, or nil for one that kmsg does not know.
func keyOf(key int16) *keyFacts {
	if key < 0 || key >= maxKeys || !allKeys()[key].known {
		return nil
	}
	return &allKeys()[key]
}

// prober learns the layout of one key and version by encoding requests that differ in one field.
type prober struct {
	key, version int16
	flexible     bool
}

// encode gives the bytes of a default request in which the struct at path exists, once, and was changed by edit. A path
// is field indexes; arrays and pointers on the way get one element.
func (p prober) encode(path []int, edit func(reflect.Value)) []byte {
	request := kmsg.RequestForKey(p.key)
	request.SetVersion(p.version)
	at := reflect.ValueOf(request).Elem()
	for _, i := range path {
		at = at.Field(i)
		switch at.Kind() {
		case reflect.Slice:
			at.Set(elements(at.Type(), 1))
			at = at.Index(0)
		case reflect.Pointer:
			at.Set(newDefault(at.Type().Elem()))
			at = at.Elem()
		}
	}
	edit(at)
	return request.AppendTo(nil)
}

// newDefault makes a pointer to a T with kmsg's defaults, which leave tagged fields off the wire.
func newDefault(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if d, ok := v.Interface().(interface{ Default() }); ok {
		d.Default()
	}
	return v
}

func elements(slice reflect.Type, n int) reflect.Value {
	s := reflect.MakeSlice(slice, n, n)
	for i := range n {
		s.Index(i).Set(newDefault(slice.Elem()).Elem())
	}
	return s
}

// structure learns the struct at path. Its fields are in wire order, with the tags last.
func (p prober) structure(t reflect.Type, path []int) *layout {
	l := &layout{size: int(t.Size())}
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "UnknownTags" && !(len(path) == 0 && f.Name == "Version") {
			p.field(l, f.Type, path, i)
		}
	}
	if p.flexible {
		l.add(field{kind: tagged}, 1)
	}
	l.flat = len(l.fields) == 1 && l.fields[0].kind == fixed
	return l
}

// add appends a field that takes at least minWire bytes; fixed ones in a row become one.
func (l *layout) add(f field, minWire int) {
	l.minWire += minWire
	if n := len(l.fields); f.kind == fixed && n > 0 && l.fields[n-1].kind == fixed {
		l.fields[n-1].size += f.size
		return
	}
	l.fields = append(l.fields, f)
}

// field adds the i-th field of the struct at path to l, if this version has it outside the tags. Tagged fields are told
// by what comes with them: number and size, at least three bytes in all.
func (p prober) field(l *layout, t reflect.Type, path []int, i int) {
	with := func(change func(f reflect.Value)) []byte {
		return p.encode(path, func(s reflect.Value) { change(s.Field(i)) })
	}
	none := with(func(reflect.Value) {})
	inner := append(path[:len(path):len(path)], i)
	switch {
	case t.Kind() == reflect.Struct:
		p.inline(l, t, inner)
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		elem := p.structure(t.Elem(), inner)
		one := with(func(f reflect.Value) { f.Set(newDefault(t.Elem())) })
		if len(one)-len(none) == elem.minWire && !bytes.Equal(none, one) {
			l.add(field{kind: nullable, size: elem.size, elem: elem}, 1)
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		one := with(func(f reflect.Value) { f.Set(elements(t, 1)) })
		two := with(func(f reflect.Value) { f.Set(elements(t, 2)) })
		if grown := len(one) - len(none); grown > 0 && grown == len(two)-len(one) {
			p.array(l, t.Elem(), inner)
		}
	default:
		p.scalar(l, t, none, with(alter))
	}
}

// inline adds the fields of a struct that is part of another. If all of it is tagged, or of other versions, it has none.
func (p prober) inline(l *layout, t reflect.Type, path []int) {
	inner := &layout{}
	for i := range t.NumField() {
		if t.Field(i).Name != "UnknownTags" {
			p.field(inner, t.Field(i).Type, path, i)
		}
	}
	if len(inner.fields) == 0 {
		return
	}
	l.fields, l.minWire = append(l.fields, inner.fields...), l.minWire+inner.minWire
	if p.flexible {
		l.add(field{kind: tagged}, 1)
	}
}

func (p prober) array(l *layout, t reflect.Type, path []int) {
	elem := &layout{size: int(t.Size())}
	if t.Kind() == reflect.Struct {
		elem = p.structure(t, path)
	} else {
		f, minWire := p.value(t)
		elem.add(f, minWire)
		elem.flat = f.kind == fixed
	}
	f := field{kind: longArray, size: elem.size, elem: elem}
	if p.flexible {
		f.kind = compactArray
		l.add(f, 1)
		return
	}
	l.add(f, 4)
}

// scalar adds a field that was altered between two encodings, if they show it outside the tags: numbers change in
// place, strings and bytes grow by the one byte they got.
func (p prober) scalar(l *layout, t reflect.Type, before, after []byte) {
	f, minWire := p.value(t)
	grown := 1
	if f.kind == fixed {
		grown = 0
	}
	if len(after)-len(before) == grown && !bytes.Equal(before, after) {
		l.add(f, minWire)
	}
}

// value tells how a number, string or byte slice lies on the wire.
func (p prober) value(t reflect.Type) (f field, minWire int) {
	memory := 0
	if t.Kind() == reflect.Pointer { // of a string
		memory = int(t.Elem().Size())
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.String && p.flexible:
		return field{kind: compactString, size: memory}, 1
	case t.Kind() == reflect.String:
		return field{kind: shortString, size: memory}, 2
	case t.Kind() == reflect.Slice && p.flexible:
		return field{kind: compactBytes}, 1
	case t.Kind() == reflect.Slice:
		return field{kind: longBytes}, 4
	}
	return field{kind: fixed, size: int(t.Size())}, int(t.Size())
}

// alter changes a value to another; strings and bytes get one byte more.
func alter(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() ^ 1)
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(v.Uint() ^ 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Slice:
		v.SetBytes(append(v.Bytes(), 1))
	case reflect.Array:
		v.Index(0).SetUint(v.Index(0).Uint() ^ 1)
	case reflect.Pointer: // to a string; nil by default
		v.Set(reflect.New(v.Type().Elem()))
		v.Elem().SetString("x")
	}
}
