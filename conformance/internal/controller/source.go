package controller

import (
	"encoding/gob"
	"net"
	"sync"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
)

// Source is the server of ExternalDNS's connector source: each connection gets
// the desired endpoints, in gob, and is closed.
type Source struct {
	listener net.Listener
	done     sync.WaitGroup

	mutex   sync.Mutex
	desired []*endpoint.Endpoint
	served  int
	err     error
}

// NewSource listens on a loopback port until the test ends.
func NewSource(t testing.TB) *Source {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Source{listener: listener, desired: []*endpoint.Endpoint{}}
	s.done.Go(s.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		s.done.Wait()
		if s.err != nil {
			t.Errorf("connector source: %v", s.err)
		}
	})
	return s
}

// Address to give to --connector-source-server.
func (s *Source) Address() string { return s.listener.Addr().String() }

// Desire replaces the endpoints from the next loop on.
func (s *Source) Desire(endpoints []*endpoint.Endpoint) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.desired = endpoints
	s.served = 0
}

// Served is how many loops have asked since the last Desire.
func (s *Source) Served() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.served
}

func (s *Source) serve() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return // closed by the test's end
		}
		s.answer(connection)
	}
}

func (s *Source) answer(connection net.Conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	defer func() { _ = connection.Close() }()
	if err := gob.NewEncoder(connection).Encode(s.desired); err != nil {
		s.err = err
		return
	}
	s.served++
}
