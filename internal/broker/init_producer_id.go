package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta/log"
)

// initProducerID answers InitProducerId v0–5 for idempotent producers (KIP-98): each request takes a new id. A
// transactional id is refused with the one error that makes the Java client's, librdkafka's and franz-go's
// initialisation fail at once.
func initProducerID(q *query, r *kmsg.InitProducerIDRequest) kmsg.Response {
	response := r.ResponseKind().(*kmsg.InitProducerIDResponse)
	response.ProducerID, response.ProducerEpoch = -1, -1
	if kind := checkInitProducerID(q, r); kind != base.OK {
		response.ErrorCode = int16(kind)
		return response
	}
	v, err := q.propose(&log.AllocateProducerIDs{Count: 1}, 0)
	switch {
	case err != nil || v.Kind() != base.OK:
		// As Kafka says it when it has no ids to give: clients ask again. At an error that speaks of coordinators the Java
		// client would look for that of a transactional id it does not have.
		response.ErrorCode = int16(base.CoordinatorLoadInProgress)
	default:
		response.ProducerID, response.ProducerEpoch = v.Log.ProducerID, 0
	}
	return response
}

func checkInitProducerID(q *query, r *kmsg.InitProducerIDRequest) base.Kind {
	switch {
	case r.TransactionalID != nil && *r.TransactionalID == "":
		return base.InvalidRequest
	case r.TransactionalID != nil:
		return base.TransactionalIDAuthorization
	case !q.allow(IdempotentWrite, Cluster, clusterName) && !q.allow(Write, Topic, AnyName):
		return clusterAuthorizationFailed
	case r.Version >= 3 && (r.ProducerID == -1) != (r.ProducerEpoch == -1):
		return base.InvalidRequest
	}
	return base.OK
}
