package journal

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/envelope"
)

const (
	// maxManifestBytes bounds a manifest's object: some 100,000 parts.
	maxManifestBytes = 16 << 20
	// MaxPartBytes bounds a part's body: loading holds partsAtOnce of them.
	MaxPartBytes = 16 << 20

	partNonceBytes = 16
	minPartRecord  = 1 + 32 + 32 + 1
)

// Point is a state to take a snapshot of.
type Point struct {
	Slot   base.Slot
	Chain  [32]byte    // hash of the last valid entry up to Slot
	Time   base.Millis // the state's clock
	Digest uint64      // of the state
}

// Part is one part of a snapshot as its manifest names it.
type Part struct {
	Key       string   // the caller's name, unique within the manifest
	Object    [32]byte // SHA-256 of the object, and its name
	Body      [32]byte // SHA-256 of the body: tells whether a part changed
	SizeBytes int64    // of the body
}

// Manifest is a snapshot without its parts' bodies. Slot 0 is the genesis, the empty state: it has no object.
type Manifest struct {
	Point
	ClusterID string
	Deadline  base.Millis // bucket time by which the manifest had to be in the bucket (rule S)
	Parts     []Part

	// LastModified is the bucket's; zero for the genesis.
	LastModified time.Time
	// Warning says what was wrong with a newer snapshot, so that this one was loaded; "" if nothing was.
	Warning string
}

// late reports that the manifest came after its deadline: parts it took over may be swept at any moment, so it must not
// be built upon, and nothing may be truncated for it. As long as its parts are there it is good to load.
func (m Manifest) late() bool { return base.Millis(m.LastModified.UnixMilli()) > m.Deadline }

func (m Manifest) part(key string) (Part, bool) {
	for _, p := range m.Parts {
		if p.Key == key {
			return p, true
		}
	}
	return Part{}, false
}

func encodeManifest(m Manifest) []byte {
	w := codec.Writer{B: envelope.Begin(nil, envelope.Snapshot)}
	w.Uint64(uint64(m.Slot))
	w.Raw(m.Chain[:])
	w.Uint64(uint64(m.Time))
	w.Uint64(m.Digest)
	w.Uint64(uint64(m.Deadline))
	w.String(m.ClusterID)
	w.Uvarint(uint64(len(m.Parts)))
	for _, p := range m.Parts {
		w.String(p.Key)
		w.Raw(p.Object[:])
		w.Raw(p.Body[:])
		w.Uvarint(uint64(p.SizeBytes))
	}
	return envelope.Seal(w.B)
}

func decodeManifest(b []byte) (Manifest, error) {
	body, _, err := envelope.Open(b, envelope.Snapshot)
	if err != nil {
		return Manifest{}, err
	}
	r := codec.Reader{B: body}
	var m Manifest
	m.Slot = base.Slot(r.Uint64())
	r.Fixed(m.Chain[:])
	m.Time = base.Millis(r.Uint64())
	m.Digest = r.Uint64()
	m.Deadline = base.Millis(r.Uint64())
	m.ClusterID = r.String()
	m.Parts = make([]Part, r.Count(minPartRecord))
	for i := range m.Parts {
		m.Parts[i] = decodePart(&r)
	}
	if err := r.Done(); err != nil {
		return Manifest{}, base.Errorf(base.StorageError, "%w: manifest: %v", envelope.ErrDamaged, err)
	}
	return m, checkParts(m.Parts)
}

func decodePart(r *codec.Reader) Part {
	var p Part
	p.Key = r.String()
	r.Fixed(p.Object[:])
	r.Fixed(p.Body[:])
	p.SizeBytes = int64(r.Uvarint())
	return p
}

func checkParts(parts []Part) error {
	seen := make(map[string]bool, len(parts))
	for _, p := range parts {
		if seen[p.Key] || p.SizeBytes < 0 || p.SizeBytes > MaxPartBytes {
			return base.Errorf(base.StorageError, "%w: manifest: part %q of %d bytes is named twice or too long", envelope.ErrDamaged,
				p.Key, p.SizeBytes)
		}
		seen[p.Key] = true
	}
	return nil
}

// encodePart gives a part's object. nonce is drawn once for a making.
func encodePart(key string, nonce [partNonceBytes]byte, body []byte) (Part, []byte, error) {
	if len(body) > MaxPartBytes {
		return Part{}, nil, fmt.Errorf("part %q has %d bytes, at most %d are allowed", key, len(body), MaxPartBytes)
	}
	b := envelope.Begin(make([]byte, 0, envelope.Overhead+len(nonce)+len(body)), envelope.Part)
	b = append(append(b, nonce[:]...), body...)
	object := envelope.Seal(b)
	return Part{Key: key, Object: sha256.Sum256(object), Body: sha256.Sum256(body), SizeBytes: int64(len(body))}, object, nil
}

// openPart checks a part's object against its record in the manifest, and gives the body.
func openPart(p Part, object []byte) ([]byte, error) {
	if sha256.Sum256(object) != p.Object {
		return nil, base.Errorf(base.StorageError, "%w: its SHA-256 is not its name", envelope.ErrDamaged)
	}
	body, _, err := envelope.Open(object, envelope.Part)
	if err != nil {
		return nil, err
	}
	if len(body) < partNonceBytes || int64(len(body)-partNonceBytes) != p.SizeBytes {
		return nil, base.Errorf(base.StorageError, "%w: its body has not the %d bytes of the manifest", envelope.ErrDamaged, p.SizeBytes)
	}
	return body[partNonceBytes:], nil
}
