// Package s3store is a bucket at Amazon S3 or a server that speaks its protocol, through minio-go.
//
// Owns: Store; Config and what it reads from the URL and the environment; which answer is which objstore.ErrorKind.
// Does not own: retries (package retry; a driver that repeats a conditional PUT by itself turns success into "exists").
//
// Every object is written by one single-part PUT: multipart uploads drop the condition. Keys are deleted one by one,
// several at a time: every store does it, it costs nothing, and there is no half-refused batch to take apart.
package s3store
