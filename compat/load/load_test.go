package load

import (
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/harness"
)

// In good weather nothing is wrong, and all languages get everywhere. compat/chaos does the same in bad weather.
func TestAllLanguages(t *testing.T) {
	if !harness.Long() {
		t.Skip("compat/chaos runs the same clients; MILLRACE_TEST_ALL=1 runs them undisturbed too")
	}
	c := harness.Start(t, harness.Options{Agents: 2})
	var teams []Team
	for _, language := range []Language{Go, Java, Python} {
		teams = append(teams, Team{Language: language, Producers: 1, Readers: 1, Members: 1, Restless: 1})
	}
	l := Start(t, c, Plan{Teams: teams, Partitions: 3, Beat: 50 * time.Millisecond, Batch: 2, Stay: 8 * time.Second, Away: 2 * time.Second})
	l.History.FromHere(time.Now())
	if !l.UntilAllMove(30 * time.Second) {
		t.Errorf("not everything moves: %v", l.History.Longest(time.Now()))
	}
	l.Finish()
	if notes := l.History.Notes(); len(notes) > 0 {
		t.Errorf("clients were told: %v", notes)
	}
}
