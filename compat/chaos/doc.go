// Package chaos runs three agents on a real S3 server and breaks them, and the way to the bucket, while clients of three
// languages work: agents are killed, stopped and resumed (also for longer than their sessions last), cut off from the
// bucket, restarted one after the other and all at once; every request to the bucket may be late, cut, refused or done and
// not answered. Afterwards the clients' histories are judged (compat/history), the bucket is checked with millrace fsck,
// and it is printed how long anything stood still.
//
// What happens, and when, is drawn from one seed, which is printed:
//
//	MILLRACE_CHAOS_SEED=7 go test ./compat/chaos -v                            the short run, as CI has it
//	MILLRACE_CHAOS_MINUTES=60 go test ./compat/chaos -v -timeout 0             a long one; ./test --all has 10 minutes
//	go test ./compat/chaos -v -artifacts -outputdir /tmp/chaos                 keeps all histories and logs
//	MILLRACE_COMPAT_PREVIOUS=/path/to/millrace go test ./compat/chaos -v       agent 0 is of that build, the others new
//	MILLRACE_COMPAT_TARGET=kafka go test ./compat/chaos -v                     the same load and kills, on Apache Kafka
//
// The seed fixes the plan, and which of a way's requests meets a fault. How processes are scheduled it cannot fix: a run
// that failed may pass with its seed.
//
// Owns: the plan, what is done to the agents, the weather between them and the bucket.
// Does not own: the proxy (compat/faultproxy), the clients (compat/load), the verdict (compat/history).
package chaos
