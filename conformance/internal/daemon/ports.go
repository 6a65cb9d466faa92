package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
)

// Ports are taken from below the range that Linux gives to outgoing
// connections (32768 and up): a port from that range may be taken by any
// client between our look and the daemon's bind.
const (
	firstPort = 18000
	portCount = 14000
)

var ports = struct {
	sync.Mutex
	next int
}{next: os.Getpid() * 61 % portCount}

// FreeAddress is a loopback address that nobody listens on, neither for TCP nor
// for UDP, and that no other test of this process was given.
func FreeAddress(t testing.TB) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range portCount {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+ports.next)
		ports.next = (ports.next + 1) % portCount
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		packets, packetsErr := net.ListenPacket("udp", address)
		if packetsErr == nil {
			err = packets.Close()
		}
		if err := errors.Join(err, listener.Close()); err != nil {
			t.Fatal(err)
		}
		if packetsErr == nil {
			return address
		}
	}
	t.Fatal("no free port on 127.0.0.1")
	return ""
}
