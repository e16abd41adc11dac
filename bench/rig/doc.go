// Package rig is what the measuring commands of bench/ stand on.
//
// Owns: the folder a command works in, and what is cleaned up with it; the binary and its agents; what the kernel and the
// agents say of themselves; states written without an agent; the report.
// Does not own: what is measured, and the goals.
package rig
