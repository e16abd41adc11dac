// Package wire frames Kafka's protocol: request headers, request bodies through franz-go's kmsg, response frames,
// a Fetch response that does not copy records, a Produce response of thousands of partitions, and the records of a Produce that has come in part.
//
//	request frame:   length (int32, of what follows), header, body
//	header v1:       api key (int16), version (int16), correlation id (int32), client id (nullable string)
//	header v2:       v1, tagged fields; used by the flexible versions of each key (KIP-482)
//	response frame:  length (int32), correlation id (int32), tagged fields in flexible versions, body;
//	                 ApiVersions never has the tagged fields (KIP-511)
//	                 (all big-endian; source: the protocol guide)
//
// Owns: those frames; the bounds that hold before anything is decoded.
// Does not own: connections, which keys and versions are served (the broker's table), what requests mean.
//
// # Why requests are walked before kmsg decodes them
//
// kmsg makes an array as long as the request claims, once it has seen that as many bytes are left as elements are
// claimed. An element of one to some bytes on the wire is 16 to 250 bytes in memory, so a frame of 100 MB that claims
// 100 million topics makes kmsg allocate 10 GB before the lie is found; a tag count of 2^32 makes it loop as often.
// A limit on frames alone would have to be tiny. So the frame is walked first (Cost), without allocating: lengths are
// held against the bytes that are really there, element by element, and what decoding would allocate is added up. Only a
// frame that is whole, and whose structures fit MaxDecodedBytes, is decoded; the broker can reserve the cost first.
//
// The walk needs to know how each key and version is laid out. Rather than keep a second schema beside kmsg's, the
// layout is learned from kmsg itself, once for each key and version in use: set one field of a request, encode, and
// look what changed (learn.go). A test fills requests of all keys and versions at random and demands that the walk ends
// exactly where the encoding does.
//
// Of requests one layout is written down besides, that of Produce (Arriving): of one that has not come whole a walk tells nothing. A test holds it
// against what kmsg encodes and decodes, in each version; another those of the two responses that are encoded here.
package wire
