// Package admin is the state machine of the agents and of the cluster's own settings.
//
// Owns: which agents are registered, where they are reached, until when each has promised to renew, and the feature
// level it knows; the configs altered for the whole cluster. Later: ACLs, users and quotas.
// Does not own: topics, groups, the verdicts kept for an agent's commands (package meta), and any I/O, clock or
// randomness.
//
// As in its sibling rooms a State is a persistent value: Fork is O(1), and a forked state never changes again.
//
// Commands and events are a tag byte (192–255 in this room) and their fields in order, in the encodings of base/codec.
package admin
