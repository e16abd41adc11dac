package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
)

// Kinds of endpoints (KIP-919).
const (
	brokersEndpoint     = 1
	controllersEndpoint = 2

	mismatchedEndpointType base.Kind = 114
)

// describeCluster answers DescribeCluster v0–2 (KIP-700).
func describeCluster(q *query, r *kmsg.DescribeClusterRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.DescribeClusterResponse)
	if r.Version >= 1 && r.EndpointType != brokersEndpoint {
		kind, message := base.UnsupportedEndpointType, text("Unsupported endpoint type %d", r.EndpointType)
		if r.EndpointType == controllersEndpoint {
			kind, message = mismatchedEndpointType, text("The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
		}
		response.ErrorCode, response.ErrorMessage = int16(kind), message
		return response
	}
	list := q.nodes()
	response.ClusterID, response.ControllerID = q.b.Journal.ClusterID(), controller(list)
	for _, n := range list {
		b := kmsg.NewDescribeClusterResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = n.id, n.host, n.port, n.zone
		response.Brokers = append(response.Brokers, b)
	}
	if r.IncludeClusterAuthorizedOperations {
		if response.ClusterAuthorizedOperations = 0; q.allow(Describe, Cluster, clusterName) {
			response.ClusterAuthorizedOperations = q.operations(Cluster, clusterName)
		}
	}
	return response
}
