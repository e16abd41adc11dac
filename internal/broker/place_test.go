package broker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

func TestZoneOf(t *testing.T) {
	for id, want := range map[string]string{
		"":                               "",
		"billing":                        "",
		"millrace_az=eu-1a":              "eu-1a",
		"billing,millrace_az=eu-1a,x=y":  "eu-1a",
		"billing ws_az=us_east.2 and so": "us_east.2",
		"warpstream_az=a":                "a",
		"automq_type=x&automq_az=b&c=d":  "b",
		"millrace_az=":                   "",
		"ws_az=second,millrace_az=first": "first",
	} {
		if got := zoneOf(id); got != want {
			t.Errorf("%q: zone %q, want %q", id, got, want)
		}
	}
}

func viewOf(t *testing.T, profiles ...admin.Profile) meta.View {
	t.Helper()
	s := meta.New()
	for i, p := range profiles {
		p.Nonce[0] = byte(i + 1)
		if err := s.Admin.Apply(&admin.Registered{Incarnation: base.Incarnation(i + 1), Profile: p}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestNodes(t *testing.T) {
	v := viewOf(t,
		admin.Profile{Kafka: "a:1", Zone: "z1", Roles: admin.AllRoles},
		admin.Profile{Kafka: "b:2", Zone: "z2", Roles: admin.AllRoles},
		admin.Profile{Kafka: "c:3", Zone: "z1", Roles: admin.RoleJobs},
		admin.Profile{Kafka: "d:4", Zone: "z1", Group: "other", Roles: admin.AllRoles},
		admin.Profile{Kafka: "no address", Roles: admin.AllRoles},
		admin.Profile{Kafka: "[::1]:5", Zone: "z1", Roles: admin.RoleFetch},
	)
	for _, c := range []struct {
		group, zone string
		want        []int32
	}{
		{"", "", []int32{1, 2, 6}},
		{"", "z1", []int32{1, 6}},
		{"", "z2", []int32{2}},
		{"", "z3", []int32{1, 2, 6}},
		{"other", "z2", []int32{4}},
		{"none", "", nil},
	} {
		var got []int32
		for _, n := range nodes(v, c.group, c.zone) {
			got = append(got, n.id)
		}
		equal(t, got, c.want)
	}
	if n := nodes(v, "", "z1")[1]; n.host != "::1" || n.port != 5 || *n.zone != "z1" {
		t.Errorf("%+v", n)
	}
}

// An agent that was killed and came back at its address serves those who look for what it was before.
func TestAnAgentStandsForItsFormerSelf(t *testing.T) {
	v := viewOf(t, admin.Profile{Kafka: "a:1"}, admin.Profile{Kafka: "b:2"}, admin.Profile{Kafka: "a:1"})
	for node, c := range map[int32]struct {
		who  string
		want bool
	}{3: {"itself", true}, 1: {"itself before, not expired yet", true}, 2: {"one elsewhere", false}, 9: {"one that is gone", true}} {
		if got := standsFor(v, 3, node); got != c.want {
			t.Errorf("%s: %v, want %v", c.who, got, c.want)
		}
	}
	if standsFor(v, 0, 2) {
		t.Error("an agent that is not registered stands for one that lives elsewhere")
	}
}

// zoneOfAgents lists agents at addresses of a zone.
func zoneOfAgents(zone string, count int) (list []node) {
	for i := range count {
		list = append(list, node{id: int32(1000*len(zone) + i + 1), host: fmt.Sprintf("agent-%d.%s", i, zone), port: 9092})
	}
	return list
}

const placedPartitions = 10_000

// led gives the leader of each partition.
func led(list []node) (all []int32) {
	leader := leaders(seated(list), base.TopicID{7})
	for p := range int32(placedPartitions) {
		all = append(all, leader(p))
	}
	return all
}

func TestLeadersAreSpreadEvenly(t *testing.T) {
	list, load := zoneOfAgents("a", 10), map[int32]int{}
	for _, n := range led(list) {
		load[n]++
	}
	for _, n := range list {
		if count := load[n.id]; count < placedPartitions/len(list)*8/10 || count > placedPartitions/len(list)*12/10 {
			t.Errorf("agent %d leads %d of %d", n.id, count, placedPartitions)
		}
	}
	if led(nil)[0] != noNode {
		t.Error("nobody leads")
	}
}

// The agents of two zones stand to each other one to one: what one writes is read by one of the other zone.
func TestZonesDivideThePartitionsInTheSameWay(t *testing.T) {
	here, there := led(zoneOfAgents("a", 7)), led(zoneOfAgents("bb", 7))
	partner := map[int32]int32{}
	for p := range here {
		if known, ok := partner[here[p]]; ok && known != there[p] {
			t.Fatalf("partition %d: what %d writes is read by %d and %d", p, here[p], known, there[p])
		}
		partner[here[p]] = there[p]
	}
	if len(partner) != 7 {
		t.Errorf("%d partners", len(partner))
	}
}

// When an agent goes, its own partitions move, and those of the few that move up: on average of all agents a third of ten. Where
// everybody behind it moved up it would be more than half. Once it is back at its address, all is as it was.
func TestFewLeadersMoveWhenAnAgentGoes(t *testing.T) {
	list := zoneOfAgents("a", 10)
	before, moved := led(list), 0
	for i, gone := range list {
		rest := slices.Delete(slices.Clone(list), i, i+1)
		for p, n := range led(rest) {
			if n != before[p] {
				moved++
			}
		}
		gone.id = 99 // it has a new id
		for p, n := range led(append(rest, gone)) {
			if n != before[p] && (n != 99 || before[p] != list[i].id) {
				t.Fatalf("partition %d is led by %d once agent %d is back, not %d", p, n, list[i].id, before[p])
			}
		}
	}
	if share := float64(moved) / placedPartitions / float64(len(list)); share > 0.4 {
		t.Errorf("%.2f of the partitions move", share)
	} else {
		t.Logf("%.2f of the partitions move", share)
	}
}
