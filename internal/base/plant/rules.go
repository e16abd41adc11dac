package plant

// Rule is one that can be left out.
type Rule uint8

// The rules, by room. Each is left out at one or two places.
const (
	Nothing Rule = iota

	// journal
	ChainCheck    // an entry whose chain hash does not match is void
	RuleR         // what is seen of a slot is believed only by an anchor or a listing
	AnchorAge     // an anchor is good for half of W
	FreshAbsence  // that a slot was absent is not remembered
	AttemptIDs    // an entry is one's own only if it is the very bytes that were sent
	BucketTime    // entries are stamped with the bucket's time, not the machine's
	SnapshotAge   // nothing is deleted for a snapshot that is younger than W
	PartsInUse    // a part that a manifest names is not swept
	SnapshotReads // a snapshot is read back before anything is deleted for it

	// riders
	RidersSpared    // truncation spares slots from the first on that something rides in
	RepairSpares    // so does fsck --repair
	RidersKnown     // nothing rides or lands while an agent lives that knows no riders
	LandsOnce       // what rides no more does not land
	LandsWhereItIs  // positions shift by what comes before a rider in the file it lands in
	LandedRefersToo // the files that landed in a file are references to it

	// merges
	MergesKnown   // nothing merges and no file is removed while an agent lives that knows no merges
	MergesExactly // a merge takes the place of the extents that were read, and of no others
	MergesInOrder // the bytes of extents are merged in the order of offsets
	MergesHold    // what a merge has read is not released before its file is written
	ReleasedGo    // only files of which nothing is left are removed

	// jobs
	OffersUploaded // a data file is proposed only when it is in the bucket
	RefusedGo      // of the files that were proposed only those go that were refused

	// control
	WonBeforeAnswer // a command is answered only when its entry is won
	VoidsPassedOver // the journal goes on after a void entry
	BarrierProbe    // a sequencer answers a follower's barrier from a look begun after it
	BarrierBegins   // a barrier is answered by a look begun after it, not by one under way

	// meta
	ExactlyOnce     // a command's repeat gets its first verdict
	CommitsInOrder  // a commit that was overtaken stays out
	NewIncarnations // the number of an agent is never issued again
	TimeForward     // the state's clock does not go back

	// meta/log
	SequenceGaps     // a batch that leaves a gap is refused
	RepeatWindow     // not only the last batch can be repeated
	IDsAreEvents     // the issue of producer ids is an event
	DeleteBelowEnd   // records are deleted up to the high watermark at most
	RetentionChecked // Decide asks retention again, whatever the job that proposes has seen
	ProducersChecked // Decide asks again how long a producer was silent
	WindowsInParts   // a snapshot holds the windows of producers

	// meta/group
	Fencing        // a commit is taken from members of the present generation only
	OffsetsChecked // Decide asks again how old a committed offset is
	OffsetsInParts // a snapshot holds committed offsets
	TenderExpires  // only its tender has a member expire

	// above
	OneLeader        // every member is told of the same leader
	BarrierBeforeNo  // a Fetch is refused only after a barrier
	BarrierOfLatest  // ListOffsets tells the end of the log behind a barrier
	BarrierOfOffsets // OffsetFetch tells committed offsets behind a barrier
	BatchOffsets     // each batch of an extent is given its own offset
	HeadersLookedAt  // a batch is sent as it lies only if it was seen to bear its offset
	FramesHeld       // a request's memory is used again only when its batches have their results
	BodiesStay       // a segment is written from where its batches lie only to a store that looks at no body later
	BatchChecksums   // a batch that does not have its checksum is refused
	rules
)
