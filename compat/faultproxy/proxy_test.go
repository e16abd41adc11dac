package faultproxy

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/objstore"
	"github.com/millrace-io/millrace/internal/objstore/conformance"
	"github.com/millrace-io/millrace/internal/objstore/open"
	"github.com/millrace-io/millrace/internal/objstore/s3test"
)

// server notes what it is asked, and answers with a body of 1000 bytes.
type server struct {
	mu    sync.Mutex
	asked []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body))
	s.mu.Unlock()
	w.Header().Set("X-Host", r.Host)
	_, _ = w.Write(make([]byte, 1000))
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func behind(t *testing.T, w Weather) (*Proxy, *server) {
	t.Helper()
	s := &server{}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	p := Start(t, h.URL, 1)
	p.Set(w)
	return p, s
}

// always is weather in which every request meets f.
func always(f Fault) Weather { return Weather{Shares: map[Fault]float64{f: 1}} }

// ask sends one request on a connection of its own, so that none is repeated by the client itself.
func ask(method, url, body string, header ...string) (status, bodyBytes int, text string, err error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, 0, "", err
	}
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	res, err := c.Do(r)
	if err != nil {
		return 0, 0, "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, len(raw), string(raw), err
}

func TestGoodWeatherPassesEverythingOn(t *testing.T) {
	p, s := behind(t, Weather{})
	r, _ := http.NewRequest("PUT", p.Endpoint()+"/b/a%20key?x=1%2F2", strings.NewReader("body"))
	r.Host = "signed.example"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || len(body) != 1000 || res.Header.Get("X-Host") != "signed.example" {
		t.Errorf("%d bytes, %v, host %q; want all 1000, and the host that was signed", len(body), err, res.Header.Get("X-Host"))
	}
	if got := fmt.Sprint(s.requests()); got != "[PUT /b/a%20key?x=1%2F2 body]" {
		t.Errorf("the server was asked for %s", got)
	}
	if p.Counts()[Passed] != 1 {
		t.Errorf("counts %v, want one that passed", p.Counts())
	}
}

// Signatures, conditions, ranges and listings come through.
func TestS3WorksThroughIt(t *testing.T) {
	s3 := s3test.Start(t)
	p := Start(t, s3.Endpoint, 1)
	p.Set(Weather{Delay: time.Millisecond})
	var n atomic.Int64
	conformance.Run(t, func(t *testing.T) objstore.Store {
		store, err := open.Open(t.Context(), env.Real(), s3test.URLAt(p.Endpoint(), fmt.Sprintf("prefix-%d", n.Add(1))))
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

// What the client sees of each fault, and whether the server has done the work.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		fault  Fault
		status int // 0: the connection is cut before a status
		code   string
		done   bool
	}{
		{CutBefore, 0, "", false},
		{CutAfter, 0, "", true},
		{CutHalfway, 200, "", true},
		{InternalError, 500, "<Code>InternalError</Code>", false},
		{InternalErrorAfter, 500, "<Code>InternalError</Code>", true},
		{SlowDown, 503, "<Code>SlowDown</Code>", false},
		{TooMany, 429, "<Code>TooManyRequests</Code>", false},
		{Conflict, 409, "<Code>ConditionalRequestConflict</Code>", false},
	} {
		t.Run(string(tc.fault), func(t *testing.T) {
			p, s := behind(t, always(tc.fault))
			status, n, text, err := ask("PUT", p.Endpoint()+"/k", "body", "If-None-Match", "*")
			if status != tc.status || (status == 0) != (n == 0 && err != nil) || !strings.Contains(text, tc.code) {
				t.Errorf("status %d, %d bytes %.200q, %v; want %d and %s", status, n, text, err, tc.status, tc.code)
			}
			if tc.fault == CutHalfway && (n >= 1000 || !errors.Is(err, io.ErrUnexpectedEOF)) {
				t.Errorf("%d of 1000 bytes, %v; want some, and then the end of the connection", n, err)
			}
			if done := len(s.requests()) == 1; done != tc.done || p.Counts()[string(tc.fault)] != 1 {
				t.Errorf("done: %v, want %v; counts %v", done, tc.done, p.Counts())
			}
		})
	}
}

func TestALatePutArrivesAfterItsSenderGaveUp(t *testing.T) {
	w := always(Late)
	w.LateBy = 100 * time.Millisecond
	p, s := behind(t, w)
	if status, _, _, err := ask("PUT", p.Endpoint()+"/k", "body"); err == nil || len(s.requests()) > 0 {
		t.Errorf("status %d, the server was asked for %v; want the connection cut, and nothing yet", status, s.requests())
	}
	p.Calm()
	if got := fmt.Sprint(s.requests()); got != "[PUT /k body]" {
		t.Errorf("the server was asked for %s, want the PUT", got)
	}
}

func TestFaultsThatDoNotHappenToARequest(t *testing.T) {
	for _, tc := range []struct {
		fault  Fault
		method string
	}{{Late, "GET"}, {Conflict, "GET"}, {Conflict, "PUT"}} {
		p, _ := behind(t, always(tc.fault))
		if status, n, _, err := ask(tc.method, p.Endpoint()+"/k", ""); status != 200 || n != 1000 || err != nil || p.Counts()[Passed] != 1 {
			t.Errorf("%s at %s: status %d, %d bytes, %v, counts %v; want it passed", tc.fault, tc.method, status, n, err, p.Counts())
		}
	}
}

func TestAnAnswerToHEADHasNoBody(t *testing.T) {
	p, s := behind(t, always(SlowDown))
	if status, n, _, err := ask("HEAD", p.Endpoint()+"/k", ""); status != 503 || n != 0 || err != nil || len(s.requests()) > 0 {
		t.Errorf("status %d, %d bytes, %v, the server was asked for %v; want 503 without a body", status, n, err, s.requests())
	}
}

func TestDelayTailAndBandwidth(t *testing.T) {
	took := func(w Weather) time.Duration {
		p, _ := behind(t, w)
		began := time.Now()
		if _, _, _, err := ask("PUT", p.Endpoint()+"/k", strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	l := drawLuck(rand.New(rand.NewPCG(1, 0))) // of each proxy's first request
	if want, got := time.Duration(l.delay*float64(time.Second)), took(Weather{Delay: time.Second}); got < want {
		t.Errorf("delayed by %v, want %v", got, want)
	}
	if want, got := time.Duration(l.tail*float64(100*time.Millisecond)), took(Weather{TailShare: 1, Tail: 100 * time.Millisecond}); got < want {
		t.Errorf("a tail of %v, want %v", got, want)
	}
	if got := took(Weather{BytesPerSecond: 10_000}); got < 200*time.Millisecond {
		t.Errorf("1000 bytes each way at 10,000 bytes/s took %v, want 200 ms", got)
	}
}

func TestABlackHoleEndsWithTheWeather(t *testing.T) {
	p, s := behind(t, Weather{BlackHole: true})
	answered := make(chan error)
	go func() {
		_, _, _, err := ask("PUT", p.Endpoint()+"/k", "body")
		answered <- err
	}()
	for p.Counts()[BlackHole] == 0 {
		time.Sleep(time.Millisecond)
	}
	if len(s.requests()) > 0 {
		t.Errorf("a black hole let %v through", s.requests())
	}
	p.Set(Weather{})
	if err := <-answered; err != nil || len(s.requests()) != 1 {
		t.Errorf("after it: %v, %v; want it to go on", err, s.requests())
	}
}

// The n-th request meets the n-th draw, whatever the weather was before.
func TestTheSeedDraws(t *testing.T) {
	w := Weather{Shares: map[Fault]float64{CutBefore: 0.25, SlowDown: 0.25}, Delay: time.Second, TailShare: 0.5, Tail: time.Second}
	run := func(seed uint64) (drawn []string) {
		r := rand.New(rand.NewPCG(seed, 0))
		for range 20 {
			l := drawLuck(r)
			wait, slow := w.delay(l)
			drawn = append(drawn, fmt.Sprint(w.fault(l), wait, slow))
		}
		return drawn
	}
	if fmt.Sprint(run(7)) != fmt.Sprint(run(7)) || fmt.Sprint(run(7)) == fmt.Sprint(run(8)) {
		t.Error("one seed must draw the same twice, and another seed something else")
	}
}

func TestSharesAreKept(t *testing.T) {
	w := Weather{Shares: map[Fault]float64{CutBefore: 0.1, CutAfter: 0.2, Conflict: 0.05}}
	r, counts := rand.New(rand.NewPCG(1, 0)), map[Fault]int{}
	for range 10_000 {
		counts[w.fault(drawLuck(r))]++
	}
	for f, want := range map[Fault]int{CutBefore: 1000, CutAfter: 2000, Conflict: 500, Late: 0, "": 6500} {
		if got := counts[f]; got < want*9/10 || got > want*11/10 {
			t.Errorf("%q met %d of 10,000 requests, want about %d", f, got, want)
		}
	}
}

func TestWeatherIsTold(t *testing.T) {
	w := Weather{Delay: 20 * time.Millisecond, TailShare: 0.05, Tail: time.Second, Shares: map[Fault]float64{CutAfter: 0.015}, BytesPerSecond: 1 << 20}
	for want, w := range map[string]Weather{
		"good": {}, "black-hole": {BlackHole: true, Delay: 1},
		"delay ≤20ms, tail 5% of 1s, cut-after 1.5%, 1024 KiB/s": w,
	} {
		if w.String() != want {
			t.Errorf("%q, want %q", w, want)
		}
	}
}
