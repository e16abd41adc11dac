// Package rig is what the measuring commands of bench/ stand on.
//
// Owns: the folder a command works in, and what is cleaned up with it; the agents that run there, and what they say of themselves;
// states written without an agent; the choice of measurements; the report.
// Does not own: what is measured, and the goals; what is known of the machine (bench/host).
package rig
