package main

import (
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/millrace-io/millrace/internal/objstore/latency"
)

// A world gives the same figures each time; riding spares it a PUT for each segment, and readers the GETs.
func TestTheFiguresAreExact(t *testing.T) {
	profile, _ := latency.Named("s3-standard")
	o := load{seed: 3, producers: 4, perSecond: 5, bytes: 500, lasts: 8 * time.Second}
	var of [2]*measured
	for i, w := range []way{{rides: false, hedges: true}, {rides: true, hedges: true}} {
		first, err := measure(o, profile, 50*time.Millisecond, w)
		if err != nil {
			t.Fatal(err)
		}
		again, err := measure(o, profile, 50*time.Millisecond, w)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Errorf("%+v: another run gives other figures, or %v", w, err)
		}
		of[i] = first
	}
	if n := len(of[1].produce); n < 300 || len(of[1].endToEnd) < n-20 {
		t.Errorf("%d batches were acknowledged and %d read", n, len(of[1].endToEnd))
	}
	if off, on := of[0], of[1]; on.puts >= off.puts || on.gets >= off.gets || on.produce.quantile(0.5) >= off.produce.quantile(0.5) {
		t.Errorf("riding: %d PUTs and %d GETs, without %d and %d; p50 %v, without %v", on.puts, on.gets, off.puts, off.gets, on.produce.quantile(0.5), off.produce.quantile(0.5))
	}
}

// An unknown profile is refused, and told which there are; an empty table would say that all is well.
func TestFlags(t *testing.T) {
	_, chosen, err := parse([]string{"-only", "s3-standard", "-for", "1m"}, io.Discard)
	if err != nil || len(chosen) != 2 || chosen[0].profile != "s3-standard" {
		t.Errorf("%+v, %v", chosen, err)
	}
	if _, chosen, err = parse(nil, io.Discard); err != nil || len(chosen) != len(settings) {
		t.Errorf("%+v, %v", chosen, err)
	}
	_, _, err = parse([]string{"-only", "foo"}, io.Discard)
	if err == nil || err.Error() != `-only: there is no "foo", there are s3-standard, s3-express` {
		t.Errorf("%v", err)
	}
	for _, args := range [][]string{{"-only", "gcs"}, {"-producers", "0"}, {"-rate", "0"}, {"-for", "-1s"}, {"-bytes", "-1"}, {"s3-express"}} {
		if _, _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func TestQuantiles(t *testing.T) {
	if q := (latencies{}).quantile(0.5); q != 0 {
		t.Errorf("of none: %v", q)
	}
	var l latencies
	for n := range 1001 {
		l = append(l, time.Duration(n))
	}
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		if got := l.quantile(q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
}
