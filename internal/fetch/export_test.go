package fetch

import (
	"slices"

	"github.com/millrace-io/millrace/internal/meta/log"
)

// Renewed is the plan, which stays as it is, renewed.
func (p Plan) Renewed(s *log.State, wants []Want, changed []int32, limits Limits) Plan {
	p.Parts = slices.Clone(p.Parts)
	p.renew(s, wants, changed, limits, true)
	return p
}
