package fsck

import (
	"context"

	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// news is the journal as it is after some files were read, for what was not as it should be in them. It is read once for all of
// these, and only if there are any.
type news struct {
	*checker
	state *meta.State // nil: it was not read yet
}

// explain drops what is wrong with a file of which nothing is left by now in any partition: agents delete it ten minutes after its records
// were merged into others or trimmed away, and a check may take longer. That stands in the journal before it is deleted, so
// whoever finds it gone, and reads on in the journal then, learns of it. What moved from the journal into a file is to be looked for
// there.
func (n *news) explain(ctx context.Context, number uint64, r *fileResult) (err error) {
	if !r.unsound() || n.again == nil { // without a second reading agents stop, at damage that was named before
		return nil
	}
	if n.state == nil {
		if n.state, err = n.again.goOn(ctx); err != nil {
			return err
		}
	}
	before, _ := n.checker.state.Log.File(number)
	after, _ := n.state.Log.File(number)
	switch {
	case after.Refs == 0:
		r.problems = r.problems[:r.ofState]
		n.report.FilesGone++
	case before.Where == log.Riding && after.Where != log.Riding:
		return errMoved
	}
	return nil
}
