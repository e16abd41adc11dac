// Command scale measures how cost grows with size: curves, not points. It asserts nothing; where a figure is to stay as it is
// however far the curve goes, the table says whether it does.
//
//	go run ./bench/scale [flags] [state|connections|groups|records|producers|fanout|s3|java|all ...]
//
//	state        partitions and extents: start, memory, snapshots, Metadata of all topics, Fetch over 10,000 partitions
//	connections  clients that produce and fetch a little
//	groups       consumer groups: until they are stable, then heartbeats and commits
//	records      records of 1 KiB to 20 MB; of 1 KiB also what a reader at the tail takes
//	producers    one idempotent producer that spreads the same records over more and more partitions
//	fanout       what a zone reads from the bucket of what another writes, by the number of its agents, and by the size of segments
//	s3           CPU of two zones whose bucket is an S3 server, beside a folder
//	java         one idempotent Java producer with its defaults, three agents, a bucket as far away as S3 Standard
//
// All but records, fanout, s3 and java drive the agent by requests of their own (wire.go), so that what a client library does is not in
// the figures. The clients share the machine with the agent.
//
// Owns: the curves, and which of their figures are to be flat. Does not own: loads of client libraries (internal/load), plots
// (internal/load/report), goals that are single figures (bench/numbers).
package main
