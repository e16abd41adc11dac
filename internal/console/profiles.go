package console

import (
	"net/http"
	"net/http/pprof"
)

// handleProfiles serves Go's profiles where Go users look for them: go tool pprof http://HOST:8080/debug/pprof/profile.
// Of net/http/pprof the command line is left out: it may hold a bucket URL with secrets.
func handleProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
