// Package peer carries messages between agents over TCP: in order, each at most once, or it says that the link is down.
//
// Owns: links, their handshake, frames and keep-alives, the bounds of their queues.
// Does not own: what messages mean (package control), who connects to whom and what a broken link is taken for. Nothing
// here is needed to be correct: agents without peers are one cluster through the bucket alone.
//
// # Wire
//
//	frame   length u32 (of what follows), kind u8, body
//	kind 0  hello: magic "MRPR", version u16, cluster id string, incarnation u32; the first frame each way, at most
//	        256 bytes; others at most 16 MiB
//	kind 255  keep-alive, empty; sent when nothing else was for pingEvery
//	others  the messages of control
//
// Numbers are little-endian, strings as in base/codec. A link whose other end is of another cluster or version is
// closed.
package peer
