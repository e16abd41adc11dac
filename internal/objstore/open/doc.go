// Package open makes a bucket from its URL:
//
//	s3://BUCKET/PREFIX?endpoint=…&region=…&path-style=true    package s3store
//	file:///DIR?fsync=off                                     package filestore
//	mem://NAME                                                package memstore, shared by all of a process who name it
//
// Owns: Open, which schemes there are.
// Does not own: the decorators around the driver, the start-up probe.
package open
