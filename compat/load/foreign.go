package load

import (
	"fmt"
	"io"

	"github.com/millrace-io/millrace/compat/harness"
	"github.com/millrace-io/millrace/compat/history"
)

// foreign is a team in a process of its own.
type foreign struct{ client *harness.Client }

func startForeign(l *Load, t Team) team {
	args := []string{
		"bootstrap=" + l.c.Bootstrap(), "topic=" + l.topic, "group=" + l.group(t.Language),
		fmt.Sprintf("partitions=%d", l.plan.Partitions),
		fmt.Sprintf("producers=%d", t.Producers), fmt.Sprintf("readers=%d", t.Readers),
		fmt.Sprintf("members=%d", t.Members), fmt.Sprintf("restless=%d", t.Restless),
		fmt.Sprintf("beatMs=%d", l.plan.Beat.Milliseconds()), fmt.Sprintf("batch=%d", l.plan.Batch),
		fmt.Sprintf("stayMs=%d", l.plan.Stay.Milliseconds()), fmt.Sprintf("awayMs=%d", l.plan.Away.Milliseconds()),
		fmt.Sprintf("sessionMs=%d", l.plan.Session.Milliseconds()),
	}
	read := func(output io.Reader) error { return history.Read(output, l.add) }
	switch t.Language {
	case Java:
		return foreign{harness.StartJava(l.tb, read, "LoadClient", args...)}
	case Python:
		return foreign{harness.StartPython(l.tb, read, "load.py", args...)}
	}
	l.tb.Fatalf("there is no client in %q", t.Language)
	return nil
}

func (f foreign) stopWriting() {
	_ = f.client.Say("flush") // fails if it ended by itself, which stopReading tells
}

func (f foreign) stopReading() error { return f.client.End(waitMax) }
