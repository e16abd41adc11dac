// Package crash kills agents under load and checks from outside that the promises hold: nothing acknowledged is lost,
// duplicated or reordered, and clients go on at the agents that are left.
//
// Owns: the load, the history of what clients saw, and the verdict over it.
// Does not own: killing below the process; the simulation in sim/ does that.
package crash
