package broker

import (
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

// Leaders are spread evenly, and when an agent goes only its own partitions move.
func TestLeadersMoveOnlyWhenTheyMust(t *testing.T) {
	list := make([]node, 10)
	for i := range list {
		list[i].id = int32(i + 1)
	}
	const partitions = 10_000
	id, load := base.TopicID{7}, map[int32]int{}
	for p := range int32(partitions) {
		before := leaderOf(list, id, p)
		load[before]++
		after := leaderOf(append(append([]node{}, list[:3]...), list[4:]...), id, p)
		if before != list[3].id && before != after {
			t.Fatalf("partition %d moved from %d to %d though %d went", p, before, after, list[3].id)
		}
	}
	for n, count := range load {
		if count < partitions/len(list)*8/10 || count > partitions/len(list)*12/10 {
			t.Errorf("agent %d leads %d of %d", n, count, partitions)
		}
	}
	if leaderOf(nil, id, 0) != noNode {
		t.Error("nobody leads")
	}
}
