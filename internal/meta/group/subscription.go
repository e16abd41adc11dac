package group

import "encoding/binary"

// subscription is what a group of consumers subscribes to. Unknown: a member's metadata could not be read, or no
// protocol has been chosen yet; then every topic may be subscribed to.
type subscription struct {
	topics  map[string]bool
	unknown bool
}

func (s subscription) to(topic string) bool { return s.unknown || s.topics[topic] }

// subscription reads the members' metadata under the group's protocol. Groups of other protocol types, and empty ones,
// subscribe to nothing.
func (g *Group) subscription() subscription {
	s := subscription{topics: map[string]bool{}}
	if g.Phase == Empty || !g.isConsumer() {
		return s
	}
	for _, m := range g.members {
		if g.Protocol == nil || !eachTopic(m.Metadata(*g.Protocol), func(t []byte) { s.topics[string(t)] = true }) {
			return subscription{unknown: true}
		}
	}
	return s
}

// eachTopic visits the topics of a consumer's subscription: a big-endian 16-bit version, a 32-bit count, and the topics,
// each a 16-bit length and bytes. That is version 0 of Kafka's ConsumerProtocolSubscription, the prefix of all versions.
// False: the bytes do not hold what they announce, some topics may have been visited.
func eachTopic(b []byte, visit func(topic []byte)) bool {
	const head = 6
	if len(b) < head {
		return false
	}
	version, n := int16(binary.BigEndian.Uint16(b)), int32(binary.BigEndian.Uint32(b[2:]))
	if b = b[head:]; version < 0 || n < 0 || int(n) > len(b)/2 {
		return false
	}
	for range n {
		if len(b) < 2 {
			return false
		}
		size := int(int16(binary.BigEndian.Uint16(b)))
		if b = b[2:]; size < 0 || size > len(b) {
			return false
		}
		visit(b[:size])
		b = b[size:]
	}
	return true
}
