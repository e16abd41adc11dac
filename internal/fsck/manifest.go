package fsck

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/codec"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/journal"
	"github.com/millrace-io/millrace/internal/objstore"
)

const (
	manifestBytesMost = 16 << 20
	partNonceBytes    = 16
	partRecordBytes   = 1 + 32 + 32 + 1
)

// manifest is a snapshot as its object describes it.
type manifest struct {
	slot     base.Slot
	chain    [32]byte
	digest   uint64
	deadline uint64 // bucket time in milliseconds
	cluster  string
	parts    []partRecord
}

type partRecord struct {
	key       string
	object    [32]byte
	sizeBytes uint64
}

func decodeManifest(object []byte) (manifest, error) {
	body, _, err := envelope.Open(object, envelope.Snapshot)
	if err != nil {
		return manifest{}, err
	}
	r := codec.Reader{B: body}
	m := manifest{slot: base.Slot(r.Uint64())}
	r.Fixed(m.chain[:])
	r.Uint64() // the state's time: the digest covers it
	m.digest = r.Uint64()
	m.deadline = r.Uint64()
	m.cluster = r.String()
	m.parts = make([]partRecord, r.Count(partRecordBytes))
	for i := range m.parts {
		p := &m.parts[i]
		p.key = r.String()
		r.Fixed(p.object[:])
		r.Raw(32) // hash of the body: that of the object covers it
		p.sizeBytes = r.Uvarint()
		if p.sizeBytes > journal.MaxPartBytes {
			return m, fmt.Errorf("part %q is said to have %d bytes, the most is %d", p.key, p.sizeBytes, journal.MaxPartBytes)
		}
	}
	return m, r.Done()
}

// readPart gives the body of a part after checking all that vouches for it.
func (k *checker) readPart(ctx context.Context, p partRecord) ([]byte, error) {
	key := journal.PartKey(p.object)
	o, err := k.store.GetRange(ctx, key, 0, int64(p.sizeBytes)+partNonceBytes+envelope.Overhead+1)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(o.Body); sum != p.object {
		return nil, damaged("%s has SHA-256 %s", key, hex.EncodeToString(sum[:]))
	}
	body, _, err := envelope.Open(o.Body, envelope.Part)
	if err != nil {
		return nil, damaged("%s: %v", key, err)
	}
	if uint64(len(body)) != p.sizeBytes+partNonceBytes {
		return nil, damaged("%s has a body of %d bytes, the manifest says %d", key, len(body)-partNonceBytes, p.sizeBytes)
	}
	return body[partNonceBytes:], nil
}

// damagedError is a finding about an object's content, rather than a failure to read it.
type damagedError struct{ text string }

func (e *damagedError) Error() string { return e.text }

func damaged(format string, args ...any) error { return &damagedError{fmt.Sprintf(format, args...)} }

// finding reports whether err is about the object: it is damaged or not there. Else the store could not be read.
func finding(err error) bool {
	var d *damagedError
	return errors.As(err, &d) || objstore.Is(err, objstore.NotFound)
}
