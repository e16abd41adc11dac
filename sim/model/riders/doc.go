// Package riders models docs/rfcs/0003-riders.md: records that ride in journal entries, land in data files, and are deleted, while
// entries are truncated and files that nothing refers to are swept.
//
// The journal is what everybody believes (sim/model/journal): each slot has one entry. A rider has the number of its slot. Landers
// and sweepers go by a state that may be behind, and may sleep at every point. A snapshot becomes W old at any time.
//
// Not in it: what is in a snapshot, bytes and positions, readers. One that is behind catches up and looks again, so it finds what is
// there by the newest state.
package riders
