package console

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// maxStreams bounds the open pages of one agent; each costs a rendering every two seconds.
const maxStreams = 32

// streamWriteTimeout ends the stream of a page that does not read.
const streamWriteTimeout = 10 * time.Second

// events streams the page's changing part until the page is closed or the console stops.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		http.Error(w, "too many pages are open; reload to see the present state", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		if err := c.sendEvent(w, r); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-c.stopped:
			return
		}
	}
}

func (c *Console) sendEvent(w http.ResponseWriter, r *http.Request) error {
	out := http.NewResponseController(w)
	// Not every writer knows deadlines; the server's own ones hold then.
	_ = out.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
	c.render(w, r, "main", func(page []byte) {
		for line := range bytes.Lines(page) {
			fmt.Fprintf(w, "data: %s\n", bytes.TrimRight(line, "\n"))
		}
		fmt.Fprint(w, "\n")
	})
	return out.Flush()
}
