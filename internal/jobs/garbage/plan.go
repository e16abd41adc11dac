package garbage

import (
	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// File is a data file that may go.
type File struct {
	Number uint64
	Ref    base.FileRef
}

// Plan lists the files whose objects may be deleted at bucket time now, in order of number, at most limit of them, but for those
// that skip tells.
func Plan(v meta.View, now base.Millis, limit int, skip func(number uint64) bool) (plan []File) {
	if !log.MergesKnown(v.Admin.Level(log.MergeLevel)) {
		return nil // an agent of an older version: nobody could tell the state that they are gone
	}
	v.Log.Files(func(n uint64, f log.File) bool {
		if f.Removable(now) && !skip(n) {
			plan = append(plan, File{n, f.Ref})
		}
		return len(plan) < limit
	})
	return plan
}
