package cluster

import "github.com/millrace-io/millrace/sim/model/explore"

// The rules that a world can be run without.
const (
	LooksAtJournal   explore.Rule = "a cluster is founded only if journal/ is empty"
	LooksAtSnapshots explore.Rule = "a cluster is founded only if snapshot/ is empty"
	JournalFirst     explore.Rule = "journal/ is looked at before snapshot/"
	IfAbsent         explore.Rule = "cluster.json is created if absent"
	ReadBack         explore.Rule = "cluster.json is read back and obeyed"
	WipedLast        explore.Rule = "who wipes a prefix deletes cluster.json last"
	GenesisNamesIt   explore.Rule = "the genesis hash contains the cluster id"
)

// The promises.
const (
	OneCluster explore.Promise = "all who come to a prefix obey one cluster.json"
	OwnEntries explore.Promise = "only a cluster's own agents write valid entries in its journal"
	NotOver    explore.Promise = "no cluster is founded over a journal"
	Agree      explore.Promise = "agents of a cluster agree what a slot holds"
)
