package group

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/millrace-io/millrace/internal/base"
	"github.com/millrace-io/millrace/internal/base/crc32c"
)

// memberIDSkewMs is how far the clocks of the agent that issued a member id and of the writer that judges it may be
// apart: both carry the bucket's time on for at most 10 s.
const memberIDSkewMs = 10_000

// NewMemberID makes a member id that verifies itself, so that MEMBER_ID_REQUIRED (KIP-394) needs no state. prefix is the
// client id, for a static member the instance id, as in Kafka; now is the time it is issued; random is random.
func NewMemberID(group, prefix string, now base.Millis, random [16]byte) string {
	u := random
	for i := range 6 {
		u[i] = byte(now >> (8 * (5 - i)))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	binary.BigEndian.PutUint32(u[12:], memberIDCheck(group, prefix, u[:12]))
	h := hex.EncodeToString(u[:])
	return prefix + "-" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// VerifyMemberID reports whether id was made by NewMemberID for this group, and when.
func VerifyMemberID(group, id string) (issued base.Millis, ok bool) {
	const uuidLen = 36
	at := len(id) - uuidLen - 1
	if at < 0 || id[at] != '-' {
		return 0, false
	}
	prefix, text := id[:at], id[at+1:]
	if text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return 0, false
	}
	digits := strings.ReplaceAll(text, "-", "")
	u, err := hex.DecodeString(digits)
	if err != nil || len(u) != 16 || digits != strings.ToLower(digits) || u[6]>>4 != 7 || u[8]>>6 != 2 {
		return 0, false
	}
	if binary.BigEndian.Uint32(u[12:]) != memberIDCheck(group, prefix, u[:12]) {
		return 0, false
	}
	for _, b := range u[:6] {
		issued = issued<<8 | base.Millis(b)
	}
	return issued, true
}

func memberIDCheck(group, prefix string, u []byte) uint32 {
	var lens [8]byte
	binary.BigEndian.PutUint32(lens[:], uint32(len(group)))
	binary.BigEndian.PutUint32(lens[4:], uint32(len(prefix)))
	c := crc32c.Of(lens[:])
	c = crc32c.Update(c, []byte(group))
	c = crc32c.Update(c, []byte(prefix))
	return crc32c.Update(c, u)
}

// pendingMemberID reports whether id is one this group has handed out a short time ago: Kafka forgets the id of a
// member that does not come back within its session timeout.
func pendingMemberID(group, id string, now base.Millis, sessionTimeoutMs int32) bool {
	issued, ok := VerifyMemberID(group, id)
	return ok && issued <= now+memberIDSkewMs && now <= issued+base.Millis(sessionTimeoutMs)+memberIDSkewMs
}
