package s3test

import "syscall"

// hasXattrs reports whether versitygw can keep its metadata with the files.
func hasXattrs(dir string) bool {
	return syscall.Setxattr(dir, "user.millrace.test", []byte("1"), 0) == nil
}
