// Package s3test runs a real S3 server, versitygw, for tests.
//
// Owns: Start, and the server's life.
// Does not own: installing it (tools/install.sh).
package s3test
