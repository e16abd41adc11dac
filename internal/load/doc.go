// Package load puts a Kafka cluster, any one, under a load and measures it: throughput, latency, and whether every record
// that was acknowledged came out again, once and in order.
//
//	produce   producers only
//	tail      producers, and consumers that follow them
//	endtoend  the same at a fixed rate: what counts is latency
//	fanout    producers, and consumers each of which reads everything
//	catchup   a backlog is written, and then read from its beginning, once or several times
//	mixed     tail, while other consumers read a backlog again and again
//
// Latencies are corrected for coordinated omission: at a fixed rate each record has a moment at which it is due, and its
// latency counts from there, whether or not the client was able to send it then, or at all. They are kept in HDR histograms
// of three digits. What counts are the records that were due in the measured window, also those that are answered after it;
// throughput is what was answered in the window. The series over time tells
// what was answered in each interval: a second, or a tenth of one where the run is short.
//
// A record's value, big endian, is filler behind a stamp:
//
//	 0  8  run, drawn at random
//	 8  2  producer
//	10  6  number of the record among its producer's, from 0
//	16  8  when it was due, in ns since the run began
//	24  4  CRC32C of all but these four bytes
//	28  …  filler, of which the codec leaves 1/compressibility
//
// Owns: Config, Run, Result and its table and JSON (field names, which carry their units, are stable: others script against them;
// testdata/names.txt has them all).
// Does not own: flags and progress on a terminal (cli, bench/compare), the HTML report (load/report).
//
// It is the client's side, a program of a person's machine over franz-go: goroutines and the machine's clock are used freely
// here, and no other room is imported.
package load
