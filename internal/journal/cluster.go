package journal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/base/envelope"
	"github.com/millrace-io/millrace/internal/objstore"
)

const (
	// FormatVersion is the layout of the bucket that this program writes, and the newest it understands.
	FormatVersion = 1
	// clusterIDBytesMax bounds the id: it is told to every client, and hashed into the genesis.
	clusterIDBytesMax = 64
	// clusterBytesMax bounds cluster.json, far above what any version would put there.
	clusterBytesMax = 64 << 10
)

// Cluster is what cluster.json says.
type Cluster struct {
	ID            string `json:"id"`     // as Kafka's: 22 characters of URL-safe base 64
	FormatVersion int    `json:"format"` // from 1
}

// OpenCluster reads cluster.json, or founds the cluster when the prefix holds no journal and no snapshot. It fails, with
// StorageError or UnsupportedVersion, on a foreign or damaged object, a newer format, and a journal without
// cluster.json; it changes nothing then. Refusals to try again later it waits out until ctx ends.
func OpenCluster(ctx context.Context, e env.Env, store objstore.Store) (Cluster, error) {
	b := newBucket(e, store)
	c, err := readCluster(ctx, b)
	if !objstore.Is(err, objstore.NotFound) {
		return c, err
	}
	if err := checkEmpty(ctx, b); err != nil {
		// Another agent may have founded the cluster, and written, since cluster.json was looked for.
		if c, again := readCluster(ctx, b); !objstore.Is(again, objstore.NotFound) {
			return c, again
		}
		return Cluster{}, err
	}
	id := b.random16()
	object, err := encodeCluster(Cluster{ID: base64.RawURLEncoding.EncodeToString(id[:]), FormatVersion: FormatVersion})
	if err != nil {
		return Cluster{}, err
	}
	if err := b.putOnce(ctx, clusterKey, object); err != nil {
		return Cluster{}, failed("creating "+clusterKey, err)
	}
	// Another agent may have been first: what is there counts.
	return readCluster(ctx, b)
}

func readCluster(ctx context.Context, b *bucket) (Cluster, error) {
	o, err := b.get(ctx, clusterKey, clusterBytesMax)
	if err != nil {
		return Cluster{}, failed("reading "+clusterKey, err)
	}
	return decodeCluster(o.Body)
}

func checkEmpty(ctx context.Context, b *bucket) error {
	for _, prefix := range []string{entryPrefix, snapshotPrefix} {
		err := b.each(ctx, prefix, "", func(found []objstore.ListEntry) error {
			return base.Errorf(base.StorageError, "there is %s, but no %s: it was deleted, or the prefix is not Millrace's. "+
				"Restore it from a copy, or use an empty prefix", found[0].Key, clusterKey)
		})
		if err != nil {
			return failed("founding a cluster in "+b.store.Info().URL, err)
		}
	}
	return nil
}

func encodeCluster(c Cluster) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, failed("encoding "+clusterKey, err)
	}
	return envelope.Append(envelope.Cluster, body), nil
}

// decodeCluster reads the whole object. Unknown fields are ignored: a newer Millrace that needs them obeyed raises format.
func decodeCluster(b []byte) (Cluster, error) {
	body, _, err := envelope.Open(b, envelope.Cluster)
	if err != nil {
		return Cluster{}, failed(clusterKey, err)
	}
	var c Cluster
	if err := json.Unmarshal(body, &c); err != nil {
		return Cluster{}, failed(clusterKey, fmt.Errorf("%w: %v", envelope.ErrForeign, err))
	}
	if c.FormatVersion > FormatVersion {
		return Cluster{}, base.Errorf(base.UnsupportedVersion,
			"%s: the bucket has format %d, this program knows up to %d: run a newer Millrace", clusterKey, c.FormatVersion, FormatVersion)
	}
	if c.FormatVersion < 1 || c.ID == "" || len(c.ID) > clusterIDBytesMax {
		return Cluster{}, base.Errorf(base.StorageError, "%s: %w: format %d, id of %d bytes", clusterKey, envelope.ErrForeign,
			c.FormatVersion, len(c.ID))
	}
	return c, nil
}
