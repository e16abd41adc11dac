package s3store

import (
	"context"
	"errors"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/millrace-io/millrace/internal/objstore"
)

// deletesAtOnce bounds the requests of one Delete: enough for 500 keys a second at 30 ms, few enough not to starve reads.
const deletesAtOnce = 16

// Delete implements objstore.Store. It stops early at the first failure; which keys are gone then is not known.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := checkKey(opDelete, key); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	left := make(chan string)
	for range min(deletesAtOnce, len(keys)) {
		workers.Go(func() {
			for key := range left {
				if err := s.deleteOne(ctx, key); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, key := range keys {
		if ctx.Err() != nil {
			break
		}
		left <- key
	}
	close(left)
	workers.Wait()
	return deleteOutcome(ctx, keys)
}

// deleteOutcome gives the failure that stopped a Delete.
func deleteOutcome(ctx context.Context, keys []string) error {
	cause := context.Cause(ctx)
	var known *objstore.Error
	if cause == nil || errors.As(cause, &known) || len(keys) == 0 {
		return cause
	}
	return &objstore.Error{Kind: objstore.Ambiguous, Op: opDelete, Key: keys[0], Cause: cause}
}

func (s *Store) deleteOne(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout(0))
	defer cancel()
	ctx, seen := withExchange(ctx)
	err := s.core.RemoveObject(ctx, s.config.Bucket, s.config.Prefix+key, minio.RemoveObjectOptions{})
	var answer minio.ErrorResponse
	if err == nil || errors.As(err, &answer) && answer.Code == "NoSuchKey" {
		return nil
	}
	return failure(opDelete, key, seen, err)
}
