package faultproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Proxy is one client's way to the server. Make it with Start.
type Proxy struct {
	target *url.URL
	server *httptest.Server
	client *http.Client
	late   sync.WaitGroup // PUTs that are still to arrive

	mu      sync.Mutex
	draws   *rand.Rand
	weather Weather
	changed chan struct{} // closed when the weather changes
	counts  map[string]int
	free    [2]time.Time // when the line is free again, each way
}

// Directions of a body.
const (
	up = iota
	down
)

// forwardMax bounds a request to the server itself, which is well.
const forwardMax = 30 * time.Second

// Start opens a way to the server at target, in good weather. It ends with the test.
func Start(tb testing.TB, target string, seed uint64) *Proxy {
	tb.Helper()
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{
		target:  u,
		client:  newClient(),
		draws:   rand.New(rand.NewPCG(seed, 0)),
		changed: make(chan struct{}),
		counts:  map[string]int{},
	}
	p.server = httptest.NewServer(p)
	tb.Cleanup(func() {
		p.Set(Weather{})
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       forwardMax,
	}
}

// Endpoint is the URL under which the client reaches the server.
func (p *Proxy) Endpoint() string { return p.server.URL }

// Set changes the weather, also for requests that a black hole holds.
func (p *Proxy) Set(w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
	close(p.changed)
	p.changed = make(chan struct{})
}

// Calm makes good weather and waits for every PUT that is still to arrive.
func (p *Proxy) Calm() {
	p.Set(Weather{})
	p.late.Wait()
}

// Counts gives how often each fault happened, and Slow, BlackHole and Passed.
func (p *Proxy) Counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

func (p *Proxy) count(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[what]++
}

// cut closes the client's connection, in the middle of whatever it is.
func cut() { panic(http.ErrAbortHandler) }

// ServeHTTP passes on one request, or does not.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // the client went away
		cut()
	}
	weather, luck := p.meet(r.Context())
	wait, slow := weather.delay(luck)
	if slow {
		p.count(Slow)
	}
	p.sleep(r.Context(), wait+p.transfer(up, len(body), weather))
	fault := fit(weather.fault(luck), r)
	if fault == "" {
		p.count(Passed)
	} else {
		p.count(string(fault))
	}
	if p.refuse(w, r, fault, body, weather) {
		return
	}
	answer, err := p.forward(r.Context(), r, body)
	if err != nil {
		cut()
	}
	p.answer(w, r, fault, answer, weather, luck)
}

// meet draws a request's luck, and waits while there is a black hole.
func (p *Proxy) meet(ctx context.Context) (Weather, luck) {
	p.mu.Lock()
	luck := drawLuck(p.draws)
	for p.weather.BlackHole {
		changed := p.changed
		p.counts[BlackHole]++
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			cut()
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	return p.weather, luck
}

// fit drops a fault that does not happen to such a request.
func fit(f Fault, r *http.Request) Fault {
	switch {
	case f == Late && r.Method != http.MethodPut,
		f == Conflict && (r.Method != http.MethodPut || r.Header.Get("If-None-Match") == ""):
		return ""
	}
	return f
}

// refuse deals with a request that is not forwarded now, and reports whether it was one.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, f Fault, body []byte, weather Weather) bool {
	switch f {
	case CutBefore:
		cut()
	case Late:
		p.forwardLate(r, body, weather.LateBy)
		cut()
	case InternalError, SlowDown, TooMany, Conflict:
		fail(w, r, f)
	default:
		return false
	}
	return true
}

func (p *Proxy) forwardLate(r *http.Request, body []byte, by time.Duration) {
	r = r.Clone(context.WithoutCancel(r.Context()))
	p.late.Go(func() {
		time.Sleep(by)
		if answer, err := p.forward(r.Context(), r, body); err == nil { // nobody waits for what became of it
			answer.Body.Close()
		}
	})
}

// forward sends a request on as it came.
func (p *Proxy) forward(ctx context.Context, r *http.Request, body []byte) (*http.Response, error) {
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.RequestURI = p.target.Scheme, p.target.Host, ""
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	out.Header.Del("Connection")
	return p.client.Do(out)
}

// answer passes the server's answer on, unless a fault keeps it.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, f Fault, answer *http.Response, weather Weather, l luck) {
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil, f == CutAfter:
		cut()
	case f == InternalErrorAfter:
		fail(w, r, f)
		return
	}
	maps.Copy(w.Header(), answer.Header)
	w.Header().Del("Connection")
	sent := body
	if f == CutHalfway {
		sent = body[:int(l.half*float64(len(body)))]
		if len(body) == 0 {
			cut()
		}
	}
	p.sleep(r.Context(), p.transfer(down, len(sent), weather))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(sent) // fails only if the client went away
	if f == CutHalfway {
		_ = http.NewResponseController(w).Flush() // the same
		cut()
	}
}

// transfer reserves the line for a body, and gives how long that is until it is through.
func (p *Proxy) transfer(way, bodyBytes int, w Weather) time.Duration {
	if w.BytesPerSecond == 0 || bodyBytes == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.free[way].Before(now) {
		p.free[way] = now
	}
	p.free[way] = p.free[way].Add(time.Duration(bodyBytes) * time.Second / time.Duration(w.BytesPerSecond))
	return p.free[way].Sub(now)
}

// sleep waits; a client that goes away meanwhile ends the request.
func (p *Proxy) sleep(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		cut()
	}
}

// errorAnswers are S3's error answers: status, code and message.
var errorAnswers = map[Fault]struct {
	status        int
	code, message string
}{
	InternalError:      {http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."},
	InternalErrorAfter: {http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."},
	SlowDown:           {http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."},
	TooMany:            {http.StatusTooManyRequests, "TooManyRequests", "Please reduce your request rate."},
	Conflict:           {http.StatusConflict, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource."},
}

// fail answers as S3 does. An answer to HEAD has no body.
func fail(w http.ResponseWriter, r *http.Request, f Fault) {
	e := errorAnswers[f]
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(e.status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><Resource>%s</Resource><RequestId>chaos</RequestId></Error>`,
			e.code, e.message, r.URL.EscapedPath())
	}
}
