package s3store

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// dialTimeout bounds the making of a connection, without TLS.
	dialTimeout = 5 * time.Second
	// tlsTimeout bounds the TLS handshake.
	tlsTimeout = 10 * time.Second
	// answerTimeout bounds the wait between a request's last byte and the answer's first: ten times what the slowest
	// conditional PUTs of a healthy S3 take.
	answerTimeout = 10 * time.Second
	// idleTimeout is short, since servers close connections without a word and the next PUT on such is ambiguous.
	idleTimeout = 15 * time.Second
	// idleConnsMax keeps one connection ready for each request that a busy agent has in flight.
	idleConnsMax = 256
	// bufferBytes is the socket buffer of a connection: requests and answers are megabytes.
	bufferBytes = 64 << 10
)

// minio-go sleeps after its last attempt too, a tenth of a second on average. How long to wait after a failure is for
// package retry to say.
func init() { minio.DefaultRetryUnit = 0 }

// newTransport makes the connections of one store. HTTP/1.1 alone: a stream error of HTTP/2 would be one more way to
// be ambiguous, and S3 does not speak it.
func newTransport() http.RoundTripper {
	return observer{&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   tlsTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          idleConnsMax,
		MaxIdleConnsPerHost:   idleConnsMax,
		WriteBufferSize:       bufferBytes,
		ReadBufferSize:        bufferBytes,
		DisableCompression:    true,
	}}
}

// exchange is what is seen of one operation's request at the transport, below what minio-go tells.
type exchange struct {
	sent bool      // a connection was there, so that the server may have seen the request
	date time.Time // the answer's Date; zero if there was no answer
}

type exchangeKey struct{}

// withExchange makes the transport note what becomes of a request made with the context.
func withExchange(ctx context.Context) (context.Context, *exchange) {
	seen := &exchange{}
	return context.WithValue(ctx, exchangeKey{}, seen), seen
}

// observer fills the exchange in a request's context.
type observer struct{ next http.RoundTripper }

func (o observer) RoundTrip(req *http.Request) (*http.Response, error) {
	seen, _ := req.Context().Value(exchangeKey{}).(*exchange)
	// Requests for credentials pass here too: they are not signed, and their clocks are not the bucket's.
	if seen == nil || !strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-") {
		return o.next.RoundTrip(req)
	}
	*seen = exchange{}
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { seen.sent = true }}
	res, err := o.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		seen.date = date
	}
	return res, nil
}

// bound gives every request the context ctx: minio-go's Core lists without one.
type bound struct {
	ctx  context.Context
	next http.RoundTripper
}

func (b bound) RoundTrip(req *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(req.WithContext(b.ctx))
}
