package wire

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// eachVersion calls f for every key and version that kmsg knows.
func eachVersion(f func(key, version int16)) {
	for key := range int16(maxKeys) {
		request := kmsg.RequestForKey(key)
		if request == nil {
			continue
		}
		for version := range request.MaxVersion() + 1 {
			f(key, version)
		}
	}
}

func name(key, version int16) string { return fmt.Sprintf("%s v%d", kmsg.NameForKey(key), version) }

func newRequest(key, version int16) kmsg.Request {
	request := kmsg.RequestForKey(key)
	request.SetVersion(version)
	return request
}

// fill sets everything reachable from v at random: arrays of up to 3, pointers nil one time in three.
func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if n := v.Type().Field(i).Name; n == "UnknownTags" {
				tags := v.Field(i).Addr().Interface().(*kmsg.Tags)
				for range rng.IntN(3) {
					tags.Set(1000+rng.Uint32N(1000), make([]byte, rng.IntN(5)))
				}
			} else if n != "Version" {
				fill(rng, v.Field(i))
			}
		}
	case reflect.Pointer:
		if rng.IntN(3) > 0 {
			v.Set(newDefault(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(make([]byte, rng.IntN(300)))
			return
		}
		v.Set(elements(v.Type(), rng.IntN(4)))
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("%0*d", rng.IntN(200), 7))
	default:
		alter(v)
	}
}

func TestTheWalkEndsWhereTheEncodingEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	eachVersion(func(key, version int16) {
		l, err := layoutOf(key, version)
		if err != nil {
			t.Fatal(err)
		}
		if plain := newRequest(key, version).AppendTo(nil); len(plain) != l.minWire {
			t.Errorf("%s: default request has %d bytes, layout says %d", name(key, version), len(plain), l.minWire)
		}
		for range 20 {
			request := newRequest(key, version)
			fill(rng, reflect.ValueOf(request).Elem())
			body := request.AppendTo(nil)
			r := reader{b: body}
			if r.walk(l); r.bad || len(r.b) != 0 {
				t.Fatalf("%s: walk of %d bytes left %d over, bad %v", name(key, version), len(body), len(r.b), r.bad)
			}
			decoded, err := DecodeRequest(key, version, body)
			if err != nil {
				t.Fatalf("%s: %v", name(key, version), err)
			}
			// Tags come out of a map in any order, so that only the length can be compared.
			if again := decoded.AppendTo(nil); len(again) != len(body) {
				t.Fatalf("%s: decoded and encoded again it has %d bytes, had %d", name(key, version), len(again), len(body))
			}
			for cut := range len(body) {
				r := reader{b: body[:cut]}
				if r.walk(l); !r.bad {
					t.Fatalf("%s: a body cut to %d of %d bytes was walked to its end", name(key, version), cut, len(body))
				}
			}
		}
	})
}

func TestVersionsAndKeysNobodyKnows(t *testing.T) {
	for _, kv := range [][2]int16{{0, -1}, {0, 99}, {18, 31}, {18, 32}, {1000, 0}, {-1, 0}, {127, 0}} {
		if _, err := DecodeRequest(kv[0], kv[1], nil); base.KindOf(err) != base.UnsupportedVersion {
			t.Errorf("key %d version %d: %v", kv[0], kv[1], err)
		}
	}
}
