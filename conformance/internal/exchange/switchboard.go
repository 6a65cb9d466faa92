package exchange

import (
	"net/http"
	"sync"
)

// Switchboard stands in for http.DefaultTransport, which ExternalDNS's client
// uses and offers no way to replace. It gives each daemon under test its own
// recorder, and so its own connections, without a proxy between the two.
type Switchboard struct {
	rest http.RoundTripper

	mutex sync.RWMutex
	lines map[string]http.RoundTripper
}

// Install replaces http.DefaultTransport. Call it once, before the first
// client is made.
func Install() *Switchboard {
	board := &Switchboard{rest: http.DefaultTransport, lines: map[string]http.RoundTripper{}}
	http.DefaultTransport = board
	return board
}

// Connect sends what is meant for a host (with its port) over a transport.
func (s *Switchboard) Connect(host string, over http.RoundTripper) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lines[host] = over
}

// RoundTrip implements http.RoundTripper.
func (s *Switchboard) RoundTrip(request *http.Request) (*http.Response, error) {
	s.mutex.RLock()
	line, known := s.lines[request.URL.Host]
	s.mutex.RUnlock()
	if !known {
		line = s.rest
	}
	return line.RoundTrip(request)
}

// NewTransport has the settings of Go's own default transport, which is what
// ExternalDNS uses, and its own pool of connections. Close them when the test
// ends, or they outlive their daemon.
func NewTransport() *http.Transport {
	return defaultTransport.Clone()
}

// defaultTransport is looked up before Install can replace it.
var defaultTransport = http.DefaultTransport.(*http.Transport)
