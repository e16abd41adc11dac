package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/envelope"
)

var goldenHeader = Header{Slot: 3, Prev: [32]byte{1}, Writer: 4, Attempt: [16]byte{2}, Time: 5, Level: 6, DigestSlot: 1, Digest: 7}

func TestEntryGolden(t *testing.T) {
	const golden = "4d52454e0100020000000000" + "0300000000000000" + "0100000000000000000000000000000000000000000000000000000000000000" +
		"04000000" + "02000000000000000000000000000000" + "0500000000000000" + "0600" + "0100000000000000" + "0700000000000000" + "6869"
	b := must(EncodeEntry(goldenHeader, []byte("hi")))
	if got := hex.EncodeToString(b[:len(b)-envelope.TrailerSize]); got != golden {
		t.Fatalf("an entry is now\n%s, was\n%s: old journals could not be read", got, golden)
	}
	e := must(DecodeEntry(b))
	if e.Header != goldenHeader || string(e.Payload) != "hi" || e.Hash != sha256.Sum256(b) {
		t.Errorf("decoded %+v", e)
	}
}

func TestGenesisDependsOnTheCluster(t *testing.T) {
	if Genesis("a") == Genesis("b") || Genesis("a") != sha256.Sum256([]byte("millrace genesisa")) {
		t.Error("the genesis is not the hash of the cluster's id")
	}
}

func TestManifestRoundTrip(t *testing.T) {
	p, _, err := encodePart("groups", [16]byte{9}, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{Point: Point{Slot: 8, Chain: [32]byte{3}, Time: 4, Digest: 5}, ClusterID: "c", Deadline: 6, Parts: []Part{p, {Key: "b"}}}
	got, err := decodeManifest(encodeManifest(m))
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got %+v, %v", got, err)
	}
	m.Parts[1].Key = "groups"
	if _, err := decodeManifest(encodeManifest(m)); !errors.Is(err, envelope.ErrDamaged) {
		t.Errorf("a key named twice: %v", err)
	}
}

func TestPartNamesAreNeverUsedTwice(t *testing.T) {
	a, object, _ := encodePart("k", [16]byte{1}, []byte("same"))
	b, _, _ := encodePart("k", [16]byte{2}, []byte("same"))
	if a.Object == b.Object || a.Body != b.Body {
		t.Error("two makings of one body must have two names and one body hash")
	}
	if body, err := openPart(a, object); err != nil || string(body) != "same" {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := openPart(b, object); !errors.Is(err, envelope.ErrDamaged) {
		t.Errorf("another part's object: %v", err)
	}
}

func TestSlotOfKey(t *testing.T) {
	tests := map[string]base.Slot{
		EntryKey(1):                     1,
		EntryKey(1<<64 - 1):             1<<64 - 1,
		"journal/1":                     0,
		"journal/0000000000000000000x":  0,
		"journal/99999999999999999999":  0,
		"journal/+0000000000000000001":  0,
		"snapshot/00000000000000000001": 0,
	}
	for key, want := range tests {
		if got, ok := slotOf(key, entryPrefix); got != want && ok || ok != (want != 0) {
			t.Errorf("%s: %d, %v", key, got, ok)
		}
	}
}

func TestBelief(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	anchored := belief{w: 80 * time.Second, steady: true, anchor: anchor{at(0), 5}}
	tests := []struct {
		name string
		b    belief
		slot base.Slot
		date time.Time
		want bool
	}{
		{"at the anchor", anchored, 5, at(0), true},
		{"within W/2", anchored, 5, at(40), true},
		{"past W/2", anchored, 5, at(41), false},
		{"before the anchor", anchored, 5, at(-1), false},
		{"a later slot", anchored, 9, at(1), true},
		{"a slot the anchor does not speak of", anchored, 4, at(1), false},
		{"no Date", anchored, 5, time.Time{}, false},
		{"no anchor", belief{w: 80 * time.Second, steady: true}, 5, at(0), false},
		{"a clock that steps back", belief{w: 80 * time.Second, anchor: anchored.anchor}, 5, at(1), false},
	}
	for _, test := range tests {
		if got := test.b.covers(test.slot, test.date); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestAnchorIsRenewedAfterAnEighthOfW(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	b := belief{w: 80 * time.Second, steady: true}
	for _, step := range []struct {
		offer time.Time
		want  time.Time
	}{{time.Time{}, time.Time{}}, {at(0), at(0)}, {at(10), at(0)}, {at(11), at(11)}, {at(3), at(11)}, {time.Time{}, at(11)}} {
		b.offer(step.offer, 7)
		if b.anchor.date != step.want {
			t.Errorf("after an offer of %v the anchor is %v, want %v", step.offer, b.anchor.date, step.want)
		}
	}
	unsteady := belief{w: time.Second}
	if unsteady.offer(at(0), 1); !unsteady.anchor.date.IsZero() {
		t.Error("took an anchor from an unsteady clock")
	}
}

func TestAnObjectOfUnknownAgeIsYoung(t *testing.T) {
	old := time.Unix(1000, 0)
	if by(old, time.Time{}) || by(old, old.Add(1)) || !by(old, old) {
		t.Error("only what is known to be that old is old")
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(must(EncodeEntry(goldenHeader, []byte("hi"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, envelope.Append(envelope.Entry, b)} {
			e, err := DecodeEntry(b)
			if err == nil && !bytes.Equal(must(EncodeEntry(e.Header, e.Payload)), b) {
				t.Fatalf("decoded %x, which is not what EncodeEntry writes", b)
			}
		}
	})
}

func FuzzDecodeManifest(f *testing.F) {
	good := encodeManifest(Manifest{ClusterID: "c", Parts: []Part{{Key: "k", SizeBytes: 300}}})
	f.Add(good[envelope.HeaderSize : len(good)-envelope.TrailerSize])
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := decodeManifest(envelope.Append(envelope.Snapshot, body))
		if err != nil {
			return
		}
		again, err := decodeManifest(encodeManifest(m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}

func FuzzOpenPart(f *testing.F) {
	f.Add([]byte("0123456789abcdefbody"))
	f.Fuzz(func(t *testing.T, body []byte) {
		object := envelope.Append(envelope.Part, body)
		p := Part{Object: sha256.Sum256(object), SizeBytes: int64(len(body) - 16)}
		got, err := openPart(p, object)
		if (err == nil) != (len(body) >= 16) || err == nil && !bytes.Equal(got, body[16:]) {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

func FuzzDecodeCluster(f *testing.F) {
	f.Add([]byte(`{"id":"abc","format":1}`))
	f.Add([]byte(`{"id":"abc","format":99}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := decodeCluster(envelope.Append(envelope.Cluster, body))
		if err == nil && (c.ID == "" || c.FormatVersion != 1) {
			t.Fatalf("took %q for %+v", body, c)
		}
	})
}

func BenchmarkEncodeEntry(b *testing.B) {
	payload := make([]byte, 64<<10)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		must(EncodeEntry(goldenHeader, payload))
	}
}

func BenchmarkDecodeEntry(b *testing.B) {
	object := must(EncodeEntry(goldenHeader, make([]byte, 64<<10)))
	b.SetBytes(int64(len(object)))
	b.ReportAllocs()
	for b.Loop() {
		must(DecodeEntry(object))
	}
}
