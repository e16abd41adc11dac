package sim

import (
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// voidPayload is of a kind that anybody who took the void entry for a valid one would notice: records go that nobody asked
// to delete.
func (c *Cluster) voidPayload() []byte {
	a := c.anyAgent()
	if a == nil {
		return []byte("void")
	}
	_, p, ok := a.control.View().Log.PartitionOf(c.topic, 0)
	if !ok || p.Start == p.End {
		return []byte("void")
	}
	var payload meta.Payload
	payload.Add(meta.Outcome{Verdict: &meta.Verdict{Admin: &admin.Reply{}}, Events: []meta.Event{&log.Trimmed{Key: p.Key, Start: p.End}}})
	return payload.Bytes()
}
