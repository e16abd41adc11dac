// Package crash kills agents under load and checks from outside that the promises hold: nothing acknowledged is lost,
// duplicated or reordered, and clients go on at the agents that are left.
//
// Owns: what is done to the agents, and how long clients may stand still.
// Does not own: the load (compat/load) and the verdict (compat/history); a bad way to the bucket, and clients of other
// languages (compat/chaos); killing below the process, which the simulation in sim/ does.
package crash
