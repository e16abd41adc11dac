// Package damage spoils a bucket by hand under real agents: what franz-go's consumer is told, what agents say in metrics and
// log, and what millrace fsck finds and leaves alone.
package damage
