package broker

import (
	"hash/fnv"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/meta"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

// zoneWords are the ways in which a client id names the client's zone: this project's, and those that clients of like
// systems are configured with already.
var zoneWords = []string{"millrace_az=", "ws_az=", "warpstream_az=", "automq_az="}

// zoneOf finds the zone in a client id such as "billing,millrace_az=eu-1a"; empty if it names none. A zone ends at the
// first character that is not a letter, a digit, '-', '_' or '.'.
func zoneOf(clientID string) string {
	for _, word := range zoneWords {
		_, zone, ok := strings.Cut(clientID, word)
		if !ok {
			continue
		}
		if end := strings.IndexFunc(zone, func(r rune) bool { return !zoneRune(r) }); end >= 0 {
			zone = zone[:end]
		}
		return zone
	}
	return ""
}

func zoneRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}

// node is an agent as clients see it.
type node struct {
	id   int32
	host string
	port int32
	zone *string
}

func (n *node) address() string { return n.host + ":" + strconv.Itoa(int(n.port)) }

// nodes are the agents that a client is shown, by id: those of the agent group that serve records, and of these only
// the ones in the client's zone if there are any.
func nodes(v meta.View, group, zone string) []node {
	var all, near []node
	for _, a := range v.Admin.Agents() {
		n, ok := asNode(a)
		if !ok || a.Group != group || a.Roles&(admin.RoleProduce|admin.RoleFetch) == 0 {
			continue
		}
		all = append(all, n)
		if zone != "" && a.Zone == zone {
			near = append(near, n)
		}
	}
	if len(near) > 0 {
		return near
	}
	return all
}

func asNode(a *admin.Agent) (node, bool) {
	host, port, err := net.SplitHostPort(a.Kafka)
	if err != nil {
		return node{}, false
	}
	p, err := strconv.ParseUint(port, 10, 16)
	n := node{id: a.Incarnation.NodeID(), host: host, port: int32(p)}
	if a.Zone != "" {
		n.zone = &a.Zone
	}
	return n, err == nil
}

// standsFor reports whether a client that looks for a node is well served by self: the node is self, or gone, or one at
// the same address. Only a node that lives elsewhere is better looked for there. An agent that comes back has a new id at
// its old address, unlike Kafka's brokers; clients still know the old one, and so does Metadata until it has expired.
func standsFor(v meta.View, self base.Incarnation, node int32) bool {
	there, live := v.Admin.Agent(base.Incarnation(node))
	if node == self.NodeID() || !live {
		return true
	}
	here, ok := v.Admin.Agent(self)
	return ok && here.Kafka == there.Kafka
}

// noNode is the id of nobody.
const noNode = -1

// seated puts the agents of one zone into their seats, from 0 on. Each seat takes the agent that wants it most of those that
// stand; how much one wants it follows from its address, which is still the same after a restart. When an agent leaves, few
// others change seats: the one that moves up into its seat, the one that moves into that one's, and so on to the last seat.
// An agent that crashed and is back is there twice until its former incarnation has expired: it has one seat, as the newer.
func seated(list []node) []node {
	standing := make([]node, 0, len(list))
	newest := make(map[string]int, len(list))
	for i, n := range list {
		newest[n.address()] = i
	}
	for i, n := range list {
		if newest[n.address()] == i {
			standing = append(standing, n)
		}
	}
	wants := make([]uint64, len(standing)) // by address
	for i, n := range standing {
		h := fnv.New64a()
		_, _ = io.WriteString(h, n.address()) // a hash takes everything
		wants[i] = mix(h.Sum64())
	}
	for seat := range standing {
		best, most := seat, uint64(0)
		for i := seat; i < len(standing); i++ {
			if want := mix(wants[i] ^ mix(uint64(seat)+1)); want > most {
				best, most = i, want
			}
		}
		standing[seat], standing[best] = standing[best], standing[seat]
		wants[seat], wants[best] = wants[best], wants[seat]
	}
	return standing
}

// leaders names the node that clients are sent to for each partition of a topic: the one whose seat the partition's hash falls
// on. As that does not depend on who sits there, all zones with as many agents divide the partitions in the same way: what one
// agent writes into a segment is read by one agent of each other zone, which reads it once, and by no other. (With a winner
// chosen in each zone for itself every agent of a zone would read nearly all of every segment.)
func leaders(seats []node, topic base.TopicID) func(partition int32) int32 {
	h := uint64(1)
	for _, b := range topic {
		h = mix(h ^ uint64(b))
	}
	return func(partition int32) int32 {
		if len(seats) == 0 {
			return noNode
		}
		return seats[jump(mix(h^(uint64(uint32(partition))+1)), len(seats))].id
	}
}

// jump gives one of n places: with one place more, only keys that fall on that one move (Lamping and Veach, "A Fast, Minimal
// Memory, Consistent Hash Algorithm", 2014).
func jump(key uint64, n int) int {
	at, next := int64(-1), int64(0)
	for next < int64(n) {
		at = next
		key = key*2862933555777941757 + 1
		next = int64(float64(at+1) * (float64(int64(1)<<31) / float64(key>>33+1)))
	}
	return int(at)
}

// winner is chosen by a rendezvous hash: it changes only when that node leaves or a newcomer wins.
func winner(list []node, h uint64) int32 {
	best, id := uint64(0), int32(noNode)
	for _, n := range list {
		if score := mix(mix(h^uint64(uint32(n.id))) + uint64(uint32(n.id))); id == noNode || score > best {
			best, id = score, n.id
		}
	}
	return id
}

// mix spreads every bit of h over all of them (the finaliser of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xFF51AFD7ED558CCD
	h ^= h >> 33
	h *= 0xC4CEB9FE1A85EC53
	return h ^ h>>33
}

// nodes are the agents that this client is shown.
func (q *query) nodes() []node {
	if q.shown == nil {
		q.shown = nodes(q.view, q.b.config.Group, zoneOf(q.header.ClientID))
	}
	return q.shown
}

// leaders are those of a topic, for this client.
func (q *query) leaders(topic base.TopicID) func(partition int32) int32 {
	if q.seats == nil {
		q.seats = seated(q.nodes())
	}
	return leaders(q.seats, topic)
}

// controller names the node that administration is sent to: any will do.
func controller(list []node) int32 {
	if len(list) == 0 {
		return noNode
	}
	return list[0].id
}
