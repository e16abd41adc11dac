// Command compare runs Millrace beside Apache Kafka on this machine, with the same clients, and prints ratios.
//
//	go run ./bench/compare [flags]           four hours or so; progress goes to stderr
//	go run ./bench/compare --partitions 100  half an hour and more
//	go run ./bench/compare --short           a minute or two; shows that it works, and judges nothing
//
// --json writes every figure of every round into a file, --markdown the tables and goals in the form in which docs/PERFORMANCE.md shows
// them, to be copied there; both after each turn. A wrong flag is found before anything is laid out, and ends the command with exit code 2.
//
// The systems take turns, A B C A B C: in each round, for each number of partitions, a server starts on an empty folder, is
// warmed up (JIT), has all loads, one after the other, and ends. A ratio is made of two turns of one round; what is shown is
// the median of the rounds and, in brackets, the lowest and the highest. Absolute figures drift on most machines, ratios less.
//
//	kafka              one broker of Apache Kafka in KRaft mode with its default settings; writes are not forced to the disk
//	kafka-fsync        the same with log.flush.interval.messages=1: forced before each acknowledgement (not in a default run)
//	millrace           one agent on a file bucket, default settings: fsync before each acknowledgement
//	millrace-nofsync   the same with fsync=off
//
// The server has one core, the clients another, and how busy everybody kept either is measured besides. Where the clients'
// core is full and the server's is not, the clients are what limits a throughput: a note says so, and the CPU tells more.
//
// Loads, of records of 1 KiB that lz4 halves, acks=all, idempotent:
//
//	produce        our clients (internal/load), as fast as possible
//	java produce   kafka-producer-perf-test, as fast as possible
//	paced          our clients at a fixed rate, the same for all systems: latency of acknowledgements. There is one such load
//	               for each of --rate, by whose name it goes: 20 MB/s
//	tail           the first of these, and readers that each follow everything: latency from end to end. CPU per GiB out is what it
//	               costs beyond the same without readers, just before. Where noise makes that nothing or less there is no ratio,
//	               and a note
//	catch-up       a backlog is written, lies for --backlog-age, and is then read by new consumers, again and again: four times or
//	               more, and until the window has passed. Kafka has it in the page cache; the agent, which with fsync writes past
//	               that, reads it from the disk the first time, which is a row of its own besides. What a server does with a backlog
//	               while it lies (the agent merges small extents when they are a minute old) is one, too, for each GiB that was written
//	java catch-up  kafka-consumer-perf-test from the topic's beginning, three runs
//
// From 1,000 partitions on records go to all partitions all the time: by keys from our clients, round-robin from Java. Below
// that there are no keys, and clients fill a batch for one partition after another, as they do by default. Where records are spread
// windows are four times as long, because answers then come in bursts, and tail has a quarter of the rate, 5 MB/s, with a load of its own
// before it: at 20 MB/s Kafka's core is nearly full of 5,000 partitions' producers, and readers cost what is left of it. Where a core is full
// a note says so; where it is the agent's, the goal is not judged.
//
// --fill-memory fills the free memory with a file's pages before each turn. On a virtual machine the host may have to find each page of
// memory that is used for the first time, or was free for a while; whoever writes files pays for it, a second of CPU for each GiB and more.
// The page cache of a server that has run for long has taken all memory, and a new page there is one that was used before.
//
// How much the system reads ahead of a file, and how its TCP finds out how fast to send, move many figures. The report names both, and says so where
// they make a system dearer: more than 512 KiB, and BBR instead of Linux's cubic, with which sending a backlog takes up to half as much CPU again.
//
// The files of a turn are cut to nothing when it is over, and removed when all are: where ext4 has no journal, files that were removed in
// the last minutes make every new one dear (host.Empty), and of the two systems the agent makes more.
//
// CPU is user and system time of the server's process, by its CPU clock: in ns, and with threads that have ended. What the
// kernel does for it in threads of its own, such as the journal of a file system, is not in it. A GiB is one of values, before
// compression.
//
// The goals for producing are those of the numbers of partitions that they were set for; the others are judged at each number
// that was run.
//
// Owns: the comparison and its goals. Does not own: the loads (internal/load), the jars (tools/install-clients.sh).
package main
