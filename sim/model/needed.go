package model

import (
	"github.com/millrace-io/millrace/sim/model/cluster"
	"github.com/millrace-io/millrace/sim/model/explore"
	"github.com/millrace-io/millrace/sim/model/journal"
	"github.com/millrace-io/millrace/sim/model/member"
	"github.com/millrace-io/millrace/sim/model/parts"
	"github.com/millrace-io/millrace/sim/model/riders"
	"github.com/millrace-io/millrace/sim/model/session"
)

// Need says which promise is broken when a rule is left out of a world.
type Need struct {
	Rule   explore.Rule
	World  string
	Broken explore.Promise
}

// Needed lists all the rules.
var Needed = []Need{
	{journal.SlotsOnce, "pipelining", journal.SeenTrue},
	{journal.ChainCheck, "pipelining", journal.Once},
	{journal.AttemptIDs, "pipelining", journal.OneEntry},
	{journal.VoidIsNot, "pipelining", journal.Acked},
	{journal.AcksDurable, "pipelining", journal.Acked},
	{journal.RepliesInOrder, "pipelining", journal.Acked},
	{journal.RepeatsBelieved, "pipelining", journal.Acked},
	{journal.CommandTable, "pipelining", journal.Once},
	{journal.GapRefused, "peers, pipelining", journal.Order},
	{journal.IncarnationsNew, "truncation, a crash", journal.Acked},
	{journal.RefusalWritten, "peers, a command that may be refused", journal.Acked},

	{journal.ReadsUnderR, "truncation", journal.SeenTrue},
	{journal.SuccessUnderR, "truncation", journal.SeenTrue},
	{journal.AbsenceUnderR, "truncation", journal.SeenTrue},
	{journal.AnchorEnds, "truncation", journal.SeenTrue},
	{journal.HalfOfW, "truncation", journal.SeenTrue},
	{journal.ListingAfter, "split listings", journal.SeenTrue},
	{journal.AnchorFirst, "split listings", journal.SeenTrue},
	{journal.AnchorBelieved, "truncation", journal.SeenTrue},
	{journal.AnchorCreated, "truncation", journal.SeenTrue},
	{journal.AnchorBeforePut, "truncation", journal.SeenTrue},
	{journal.StreamNoAnchor, "peers", journal.SeenTrue},
	{journal.SnapshotAge, "truncation", journal.SeenTrue},
	{journal.SnapshotCovers, "truncation", journal.SeenTrue},
	{journal.ClocksAgree, "truncation", journal.SeenTrue},

	{journal.StreamBelieved, "peers", journal.OneEntry},
	{journal.BarrierProbes, "barriers", journal.Barrier},
	{journal.ProbesBegunAfter, "barriers", journal.Barrier},
	{journal.WinsBegunAfter, "barriers", journal.Barrier},
	{journal.SequencerProbes, "barriers, three peers", journal.Barrier},

	{session.NumbersNew, "sessions", session.OneBearer},
	{session.NonceTells, "sessions", session.OneBearer},
	{session.GoneRefused, "sessions", session.GoneStays},
	{session.GoneIsFatal, "sessions", session.Recovers},
	{session.GapRefused, "sessions", session.Order},
	{session.TableAnswers, "sessions", session.Once},
	{session.Watermark, "sessions", session.Recovers},
	{session.UnknownTold, "sessions", session.TrueReply},

	{cluster.LooksAtJournal, "a lost cluster.json", cluster.NotOver},
	{cluster.LooksAtSnapshots, "a lost cluster.json", cluster.NotOver},
	{cluster.JournalFirst, "a lost cluster.json", cluster.NotOver},
	{cluster.IfAbsent, "two founders, a wiped prefix", cluster.OneCluster},
	{cluster.ReadBack, "two founders, a wiped prefix", cluster.OneCluster},
	{cluster.GenesisNamesIt, "two founders, a wiped prefix", cluster.OwnEntries},
	{cluster.WipedLast, "three founders, a wiped prefix", cluster.Agree},

	{member.OnlyTender, "members", member.Stays},
	{member.FullSession, "members", member.Stays},
	{member.StalledGrants, "members", member.Stays},

	{parts.NamesNew, "parts", parts.Whole},
	{parts.BaseInTime, "parts", parts.Whole},
	{parts.DeadlineHolds, "parts", parts.Whole},
	{parts.DeadlineHalf, "parts", parts.Whole},
	{parts.Successors, "parts", parts.Whole},
	{parts.PartsOld, "parts", parts.Whole},
	{parts.AllManifests, "parts", parts.Whole},
	{parts.ListedAfter, "parts", parts.Whole},

	{riders.Spared, "riders", riders.There},
	{riders.OwnSlots, "riders", riders.There},
	{riders.StillRides, "riders", riders.Deleted},
	{riders.Uploaded, "riders", riders.There},
	{riders.InTime, "riders", riders.There},
	{riders.References, "riders", riders.There},
}
