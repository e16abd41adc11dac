package console

import (
	"net/http"
	"testing"
)

func TestProfilesWithoutTheCommandLine(t *testing.T) {
	_, _, c := newTestConsole()
	code, text := get(t, c, "/debug/pprof/heap?debug=1")
	if code != http.StatusOK {
		t.Fatalf("the heap profile answers %d", code)
	}
	mustSay(t, text, "heap profile:")
	if code, _ := get(t, c, "/debug/pprof/cmdline"); code != http.StatusNotFound {
		t.Fatalf("the command line, with whatever secret the bucket URL holds, answers %d", code)
	}
}
