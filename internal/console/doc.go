// Package console is the HTTP side of an agent.
//
//	/healthz         200 while the process lives
//	/readyz          200 when the agent serves clients, else 503 with the reason: starting, draining
//	/metrics         Prometheus
//	/                the status page, kept up to date by server-sent events, or by reloading where scripts are off
//	/events          those events: the page's changing part as HTML, every two seconds
//	/api/v1/status   what the page shows, as JSON
//	/debug/pprof/    Go's profiles of the process, for go tool pprof
//
// Owns: the names of metrics and of JSON fields (others build upon them), what the page shows, a few minutes of
// history of rates.
// Does not own: any of the numbers. The composition root implements Provider out of the other rooms; nothing of them
// is imported here. The console changes nothing, anywhere. It has no login: what it shows (names of topics and groups,
// addresses) is for whoever can reach the address it listens on.
//
// Browsers need real time and real sockets, so this room uses the machine's clock and goroutines directly.
package console
