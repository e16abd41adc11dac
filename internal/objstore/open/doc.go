// Package open makes a bucket from its URL:
//
//	s3://BUCKET/PREFIX?endpoint=…&region=…&path-style=true    package s3store
//	file:///DIR?fsync=off                                     package filestore
//	mem://NAME                                                package memstore, shared by all of a process who name it
//
// Each takes latency=PROFILE besides, which makes it as slow as s3-standard, s3-express or gcs (package latency).
//
// Owns: Open, which schemes there are.
// Does not own: the other decorators around the driver, the start-up probe.
package open
