package broker

import (
	"regexp"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

// softwareName is what KIP-511 allows clients to call themselves.
var softwareName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

// apiVersions answers ApiVersions v0–5: the table. No feature is finalized, for transactions and the newer groups hang
// on them. From v5 on a client may name the cluster and node it means to talk to (KIP-1242).
func apiVersions(q *query, r *kmsg.ApiVersionsRequest) kmsg.Response {
	if r.Version >= 3 && !(softwareName.MatchString(r.ClientSoftwareName) && softwareName.MatchString(r.ClientSoftwareVersion)) {
		return apiVersionsError(r, base.InvalidRequest)
	}
	if r.Version >= 5 && q.wrongServer(r) {
		return apiVersionsError(r, base.RebootstrapRequired)
	}
	response := r.ResponseKind().(*kmsg.ApiVersionsResponse)
	response.ApiKeys = versionTable()
	return response
}

// wrongServer: the client wants another cluster, or, with the right one, a node that lives elsewhere.
func (q *query) wrongServer(r *kmsg.ApiVersionsRequest) bool {
	if r.ClusterID != nil && *r.ClusterID != q.b.Journal.ClusterID() {
		return true
	}
	return r.NodeID >= 0 && !standsFor(q.view, q.b.Journal.Self(), r.NodeID)
}

func versionTable() []kmsg.ApiVersionsResponseApiKey {
	keys := make([]kmsg.ApiVersionsResponseApiKey, len(apis))
	for i := range apis {
		keys[i] = kmsg.ApiVersionsResponseApiKey{ApiKey: apis[i].key, MinVersion: apis[i].shown, MaxVersion: apis[i].max}
	}
	return keys
}

func apiVersionsError(r *kmsg.ApiVersionsRequest, k base.Kind) kmsg.Response {
	response := r.ResponseKind().(*kmsg.ApiVersionsResponse)
	response.ErrorCode = int16(k)
	return response
}

// apiVersionsUnknown answers a version to come in the layout of v0, naming the versions of ApiVersions alone, so that
// the client asks again (KIP-511).
func apiVersionsUnknown(q *query, _ kmsg.Request) answer {
	own := apiFor(keyApiVersions)
	q.header.Version = 0
	return answer{response: &kmsg.ApiVersionsResponse{ErrorCode: int16(base.UnsupportedVersion),
		ApiKeys: []kmsg.ApiVersionsResponseApiKey{{ApiKey: keyApiVersions, MinVersion: own.shown, MaxVersion: own.max}}}}
}
