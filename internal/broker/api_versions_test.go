package broker

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

const versionsGolden = "testdata/api_versions.txt"

// What is advertised is pinned: a change of it is a change that clients see.
func TestApiVersionsGolden(t *testing.T) {
	b := newBed(t)
	r := kmsg.NewPtrApiVersionsRequest()
	r.ClientSoftwareName, r.ClientSoftwareVersion = "test", "1.0"
	var first string
	for v := int16(0); v <= 5; v++ {
		a := ask[*kmsg.ApiVersionsResponse](b.client, v, r)
		var got strings.Builder
		for _, k := range a.ApiKeys {
			fmt.Fprintf(&got, "%d %s %d-%d\n", k.ApiKey, kmsg.NameForKey(k.ApiKey), k.MinVersion, k.MaxVersion)
		}
		if len(a.FinalizedFeatures)+len(a.SupportedFeatures) > 0 || a.ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, a)
		}
		if v == 0 {
			first = got.String()
		} else if got.String() != first {
			t.Errorf("v%d differs from v0", v)
		}
	}
	if *update {
		if err := os.WriteFile(versionsGolden, []byte(first), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(versionsGolden); err != nil || string(want) != first {
		t.Errorf("%v: what is advertised is\n%s", err, first)
	}
}

// A version to come is answered in version 0, so that the client can ask again (KIP-511).
func TestApiVersionsOfAVersionToCome(t *testing.T) {
	b := newBed(t)
	// A request of version 9, flexible, with a body nobody knows.
	if _, err := b.client.Write([]byte{0, 0, 0, 14, 0, 18, 0, 9, 0, 0, 0, 42, 0xff, 0xff, 0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	id, body, err := b.client.frame()
	a := kmsg.NewPtrApiVersionsResponse()
	if err != nil || id != 42 || a.ReadFrom(body) != nil {
		t.Fatalf("%d %x %v", id, body, err)
	}
	if a.ErrorCode != int16(base.UnsupportedVersion) || len(a.ApiKeys) != 1 || a.ApiKeys[0].ApiKey != 18 || a.ApiKeys[0].MaxVersion != 5 {
		t.Errorf("%+v", a)
	}
}

func TestApiVersionsRefusals(t *testing.T) {
	b := newBed(t)
	self, cluster, other := b.control.Self().NodeID(), b.control.ClusterID(), "other"
	elsewhere := b.another("elsewhere:9092").Self().NodeID()
	for name, c := range map[string]struct {
		change func(*kmsg.ApiVersionsRequest)
		want   base.Kind
	}{
		"no name":        {func(r *kmsg.ApiVersionsRequest) { r.ClientSoftwareName = "" }, base.InvalidRequest},
		"a name of dots": {func(r *kmsg.ApiVersionsRequest) { r.ClientSoftwareName = "-x-" }, base.InvalidRequest},
		"no version":     {func(r *kmsg.ApiVersionsRequest) { r.ClientSoftwareVersion = "" }, base.InvalidRequest},
		"this agent":     {func(r *kmsg.ApiVersionsRequest) { r.ClusterID, r.NodeID = &cluster, self }, base.OK},
		"no agent":       {func(r *kmsg.ApiVersionsRequest) { r.ClusterID, r.NodeID = &cluster, -1 }, base.OK},
		"other cluster":  {func(r *kmsg.ApiVersionsRequest) { r.ClusterID, r.NodeID = &other, self }, base.RebootstrapRequired},
		"other agent":    {func(r *kmsg.ApiVersionsRequest) { r.ClusterID, r.NodeID = &cluster, elsewhere }, base.RebootstrapRequired},
		"one that left":  {func(r *kmsg.ApiVersionsRequest) { r.ClusterID, r.NodeID = &cluster, elsewhere+1 }, base.OK},
	} {
		r := kmsg.NewPtrApiVersionsRequest()
		r.ClientSoftwareName, r.ClientSoftwareVersion, r.NodeID = "apache-kafka-java", "4.4.0", -1
		c.change(r)
		if a := ask[*kmsg.ApiVersionsResponse](b.client, 5, r); a.ErrorCode != int16(c.want) {
			t.Errorf("%s: error %d, want %d", name, a.ErrorCode, c.want)
		}
	}
}

// The table is one row for each key, in order, with versions that exist.
func TestTable(t *testing.T) {
	for i := range apis {
		a := &apis[i]
		if i > 0 && apis[i-1].key >= a.key {
			t.Errorf("key %d after %d", a.key, apis[i-1].key)
		}
		if request := kmsg.RequestForKey(a.key); a.min > a.max || a.shown > a.min || a.handle == nil || a.max > request.MaxVersion() || a.shown < a.min && a.unsupported == nil {
			t.Errorf("%+v", a)
		}
		if len(a.needs) == 0 && a.key != keyApiVersions && a.key != 12 {
			t.Errorf("%s needs no permission", kmsg.NameForKey(a.key))
		}
	}
}
