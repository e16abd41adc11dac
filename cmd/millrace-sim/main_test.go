package main

import "testing"

func TestBetween(t *testing.T) {
	for text, want := range map[string][2]uint64{"3..3": {3, 3}, "0..49": {0, 49}} {
		from, to, err := between(text)
		if err != nil || from != want[0] || to != want[1] {
			t.Errorf("%q is %d to %d, %v", text, from, to, err)
		}
	}
	for _, text := range []string{"", "7", "..", "1..", "a..2", "1..b", "-1..2"} {
		if _, _, err := between(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
