package wire

const (
	produceKey      = 0
	produceFirst    = 3
	produceLast     = 13
	produceFlexible = 9
	produceTopicIDs = 13
	topicIDSize     = 16
)

// Arriving finds the records of a Produce request, versions 3 to 13, of which only the front has come: those of one partition after
// another, as the client sent them.
//
//	transactional id, acks (int16), timeout (int32), topics, each:
//	    name, or from version 13 on id (KIP-516); partitions, each: index (int32), records (nullable bytes), tagged fields
//	    tagged fields
//	(lengths and tagged fields as the version has them, KIP-482; source: the protocol guide)
//
// It believes nothing that it has no use for, and finds nothing more in a request that is malformed: DecodeRequest says so.
type Arriving struct {
	version    int16
	at         int // in the frame: what was not looked at
	topics     int // that are to come
	partitions int // of the present topic that are to come
	inTopic    bool
}

// IsProduce reports whether a frame, without its length, begins as one of a Produce.
func IsProduce(front []byte) bool {
	h, _, err := ParseHeader(front)
	return err == nil && h.Key == produceKey
}

// ArrivingProduce begins with the front of a frame, without its length, that holds at least what comes before the first topic; false
// for any other.
func ArrivingProduce(front []byte) (*Arriving, bool) {
	h, body, err := ParseHeader(front)
	if err != nil || h.Key != produceKey || h.Version < produceFirst || h.Version > produceLast {
		return nil, false
	}
	a := &Arriving{version: h.Version}
	r := reader{b: body}
	r.skip(a.string(&r))
	r.skip(2 + 4) // acks and timeout
	a.topics = a.length(&r)
	a.at = len(front) - len(r.b)
	return a, !r.bad
}

// Next tells where the next partition's records are, if they have come whole. Null ones end where they start. The front begins where
// that of ArrivingProduce began, and may have grown.
func (a *Arriving) Next(front []byte) (start, end int, ok bool) {
	r := reader{b: front[a.at:]}
	for a.partitions == 0 {
		if !a.topic(&r) {
			return 0, 0, false
		}
		a.at = len(front) - len(r.b)
	}
	r.skip(4) // index
	size := a.length(&r)
	start = len(front) - len(r.b)
	r.skip(size)
	end = len(front) - len(r.b)
	if a.flexible() {
		r.tags()
	}
	if r.bad {
		return 0, 0, false
	}
	a.at = len(front) - len(r.b)
	a.partitions--
	return start, end, true
}

// topic goes on to the next topic; false if it is not there, or there is none.
func (a *Arriving) topic(r *reader) bool {
	if a.topics == 0 {
		return false
	}
	if a.inTopic && a.flexible() {
		r.tags()
	}
	if a.version >= produceTopicIDs {
		r.skip(topicIDSize)
	} else {
		r.skip(a.string(r))
	}
	partitions := a.length(r)
	if r.bad {
		return false
	}
	a.topics, a.partitions, a.inTopic = a.topics-1, partitions, true
	return true
}

func (a *Arriving) flexible() bool { return a.version >= produceFlexible }

// string gives the length of a string, 0 for null.
func (a *Arriving) string(r *reader) int {
	if a.flexible() {
		return r.compact()
	}
	return signed(int32(int16(r.uint16())))
}

// length gives the length of an array or of records, 0 for null.
func (a *Arriving) length(r *reader) int {
	if a.flexible() {
		return r.compact()
	}
	return signed(int32(r.uint32()))
}
