package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		o    options
		want string
		kept bool
	}{
		{options{list: true}, "rule: an entry whose chain hash does not match is void\n", true},
		{options{world: "a lost cluster.json", limit: 1e6}, "no violation\n", true},
		{options{world: "a lost cluster.json", limit: 10}, "not exhausted\n", false},
		{options{without: "replies wait", limit: 1e6}, " 2. agent 0 sends [slot 1", true},
		{options{without: "replies wait", world: "peers", limit: 1e6}, "world \"peers\" without", true},
	} {
		var out strings.Builder
		kept, err := c.o.run(&out)
		if err != nil || kept != c.kept || !strings.Contains(out.String(), c.want) {
			t.Errorf("%+v: kept %t, error %v, output %q; want %t and %q", c.o, kept, err, out.String(), c.kept, c.want)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	for _, o := range []options{{world: "x"}, {without: "x"}, {without: "replies wait", world: "x"}} {
		if _, err := o.run(&strings.Builder{}); err == nil || !strings.Contains(err.Error(), "there is no") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
