package land

import (
	"fmt"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/plant"
	"github.com/millrace-io/millrace/internal/meta/log"
	"github.com/millrace-io/millrace/internal/segment"
)

// container is a data file in the making.
type container struct {
	builder  *segment.Builder
	landings []log.Landing
}

func newContainer(store base.StoreID) *container {
	return &container{builder: segment.NewBuilder(store)}
}

// add takes a rider in, if its bytes are sound. They are referred to until the container is finished.
func (c *container) add(r *Rider, body []byte) error {
	file, err := segment.Parse(body)
	switch {
	case err != nil:
		return err
	case int64(len(body)) != r.SizeBytes || file.Store != r.Ref.Store:
		return fmt.Errorf("it has %d bytes and is of store %d, the state says %d and %d", len(body), file.Store, r.SizeBytes, r.Ref.Store)
	}
	for i, e := range file.Entries {
		at := c.builder.Add(e.Topic, e.Partition, file.Part(e))
		if i == 0 {
			// Chunks leave no gaps, in either: what goes for the first goes for all.
			l := log.Landing{File: r.Number, Delta: uint32(at.Pos - e.Pos)}
			if plant.LeftOut(plant.LandsWhereItIs) {
				l.Delta = 0
			}
			c.landings = append(c.landings, l)
		}
	}
	return nil
}
