package s3store

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/millrace-io/millrace/internal/objstore"
)

// The operations, as objstore.Error.Op names them.
const (
	opCreate = "put-if-absent"
	opPut    = "put"
	opGet    = "get"
	opHead   = "head"
	opList   = "list"
	opDelete = "delete"
)

func isWrite(op string) bool { return op == opCreate || op == opPut || op == opDelete }

// What a person must do about Fatal errors.
const (
	adviseBucket      = "create the bucket, or correct its name, region or endpoint in the bucket URL"
	adviseCredentials = "check the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE or the machine's role) and that they allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket"
	adviseClock       = "set this machine's clock: the store refuses requests signed more than 15 minutes off"
	adviseRegion      = "set region= or endpoint= in the bucket URL (or AWS_REGION, AWS_ENDPOINT_URL) to where the bucket is"
	adviseNetwork     = "the store could not be reached: check the endpoint in the bucket URL (or AWS_ENDPOINT_URL), and the network"
	adviseStore       = "the store cannot do this; use one with conditional writes (If-None-Match), such as Amazon S3"
)

// failure makes a Store's error of one that minio-go gave for op.
func failure(op, key string, seen *exchange, err error) error {
	e := &objstore.Error{Op: op, Key: key, Date: seen.date, Cause: err}
	var answer minio.ErrorResponse
	switch {
	case errors.As(err, &answer) && answer.StatusCode != 0:
		var advice string
		e.Kind, advice = kindOf(op, answer)
		e.Cause = fmt.Errorf("%s (%s, HTTP %d)", answer.Message, answer.Code, answer.StatusCode)
		if advice != "" {
			e.Cause = fmt.Errorf("%w: %s", e.Cause, advice)
		}
	case isWrite(op) && seen.sent:
		e.Kind = objstore.Ambiguous
	case !seen.sent:
		e.Cause = fmt.Errorf("%w: %s", err, adviseNetwork)
	}
	return e
}

// kindOf reads an error answer: by its code where the code says more than the status, else by its status.
func kindOf(op string, answer minio.ErrorResponse) (kind objstore.ErrorKind, advice string) {
	switch answer.Code {
	case "NoSuchBucket", "InvalidBucketName":
		return objstore.Fatal, adviseBucket
	case "RequestTimeTooSkewed":
		return objstore.Fatal, adviseClock
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "SignatureDoesNotMatch", "XAdminUserNotFound":
		return objstore.Fatal, adviseCredentials
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "InvalidRegion":
		return objstore.Fatal, adviseRegion
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "RequestLimitExceeded", "Throttling", "ThrottlingException", "BandwidthLimitExceeded":
		return objstore.Throttled, ""
	case "NotImplemented", "MethodNotAllowed":
		return objstore.Fatal, adviseStore
	case "RequestTimeout": // 400 at Amazon: the request's body came too slowly
		return unclear(op), ""
	}
	if answer.StatusCode == http.StatusNotFound {
		return kindOfMissing(op, answer.Code)
	}
	return kindOfStatus(op, answer.StatusCode)
}

// kindOfMissing lets only the answer for a missing key pass as NotFound: rooms above take it for a fact about the bucket.
// (minio-go fills in this code where an answer has no body, as that of HEAD.)
func kindOfMissing(op, code string) (kind objstore.ErrorKind, advice string) {
	if code == "NoSuchKey" && !isWrite(op) && op != opList {
		return objstore.NotFound, ""
	}
	return objstore.Fatal, adviseBucket
}

func kindOfStatus(op string, status int) (kind objstore.ErrorKind, advice string) {
	switch {
	case status == http.StatusPreconditionFailed && op == opCreate:
		return objstore.Exists, ""
	case status == http.StatusRequestedRangeNotSatisfiable:
		return objstore.InvalidRange, ""
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return objstore.Fatal, adviseCredentials
	case status >= 300 && status < 400:
		return objstore.Fatal, adviseRegion
	case status == http.StatusMethodNotAllowed, status == http.StatusNotImplemented:
		return objstore.Fatal, adviseStore
	case status == http.StatusTooManyRequests:
		return objstore.Throttled, ""
	case status == http.StatusServiceUnavailable && !isWrite(op):
		return objstore.Throttled, ""
	case status == http.StatusConflict, status == http.StatusRequestTimeout, status == statusClientClosed, status >= 500:
		return unclear(op), ""
	}
	return objstore.Other, ""
}

// statusClientClosed is what proxies answer when they believe that the client went away.
const statusClientClosed = 499

// unclear is the kind of an answer that does not tell whether the work was done. A bare 503 on a write is one: it may
// come from a proxy that lost the server after handing on the request.
func unclear(op string) objstore.ErrorKind {
	if isWrite(op) {
		return objstore.Ambiguous
	}
	return objstore.Other
}
