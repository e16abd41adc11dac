package host

import (
	"os"
	"strings"
)

// CongestionControl names how the system's TCP finds out how fast to send, for connections that do not choose: cubic, bbr. It is empty where
// nobody says, as outside of Linux. (BBR paces what is sent with timers, over loopback, too: where timers are dear, as on many virtual
// machines, so is sending.)
func CongestionControl() string {
	name, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control") // not there on every system
	return strings.TrimSpace(string(name))
}
