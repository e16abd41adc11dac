package fetch

import (
	"slices"

	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// Renewed is the plan, which stays as it is, renewed.
func (p Plan) Renewed(s *log.State, wants []Want, changed []int32, limits Limits) Plan {
	p.Parts = slices.Clone(p.Parts)
	p.renew(s, wants, changed, limits, true)
	return p
}

// ToRead is about how many bytes the plan has read.
func (p *Plan) ToRead(s *log.State, wants []Want) (bytes int64) {
	r := reading{view: &meta.State{Log: s}, wants: wants}
	for i, read := range r.reads(p) {
		bytes += min(int64(read.Bytes), remaining(p.Extents[i], read.Offset))
	}
	return bytes
}
