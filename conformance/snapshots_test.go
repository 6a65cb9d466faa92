package conformance

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
)

// shaky is a daemon whose first backend dies when told to, and whose second
// does not.
type shaky struct {
	*world
	control       string
	base, changed []*endpoint.Endpoint
	// half is base with the change of the second backend.
	half []*endpoint.Endpoint
}

func newShaky(t *testing.T, maxStale string) *shaky {
	t.Helper()
	directory := t.TempDir()
	control := filepath.Join(directory, "control")
	command(t, control, "healthy")
	dying := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}, MaxStale: maxStale, Limit: "4s"}
	dying = dying.With("control", control).With("file", filepath.Join(directory, "dying"))
	steady := daemon.Memory("steady.test").With("file", filepath.Join(directory, "steady"))
	www := func(zone, address string) *endpoint.Endpoint { return record("www."+zone, "A", 300, address) }
	return &shaky{
		world: newWorld(t, daemon.Config{
			Deadline: "2s", Backends: map[string]daemon.Backend{"dying": dying, "steady": steady},
		}),
		control: control,
		base:    endpoints(www("example.test", "192.0.2.1"), www("steady.test", "192.0.2.1")),
		changed: endpoints(www("example.test", "192.0.2.2"), www("steady.test", "192.0.2.2")),
		half:    endpoints(www("example.test", "192.0.2.1"), www("steady.test", "192.0.2.2")),
	}
}

// die lets the backend fail at all that it is asked for.
func (s *shaky) die() {
	command(s.t, s.control, order{Behaviour: "fail", On: []string{"open", "records", "apply"}})
}

func (s *shaky) revive() { command(s.t, s.control, "healthy") }

// mute demands that no list is shown.
func (s *shaky) mute(why string) {
	s.t.Helper()
	found, err := s.loop(loop.Options{}).Provider.Records(s.context())
	if err == nil || !soft(err) {
		s.t.Fatalf("%s, and yet: %v, %v", why, found, err)
	}
}

// A backend dies after it was listed, stays dead over a restart, and comes back.
func TestSnapshotStandsInForADeadBackend(t *testing.T) {
	t.Parallel()
	s := newShaky(t, "1h")
	l := s.loop(loop.Options{})
	s.settle(l, s.base)
	s.die()
	if err := s.softly(l, s.changed); err == nil {
		t.Fatal("changes to a dead backend were confirmed")
	}
	s.expectListed(s.half)
	if served := s.daemon.Metric(t, "zonemux_snapshot_served_total", `backend="dying"`); served < 1 {
		t.Fatalf("snapshots were served %v times, says the metric", served)
	}

	s.daemon.Stop(t)
	s.daemon.StartAgainUnready(t)
	s.expectListed(s.half)
	if err := s.softly(l, s.changed); err == nil {
		t.Fatal("changes to a dead backend were confirmed after a restart")
	}

	s.revive()
	f := faulty{world: s.world}
	f.converge(l, s.changed)
	s.quiet(l, s.changed)
}

// ExternalDNS may send what it planned on an old list after a restart of ours:
// it waits all the same for a fresh one.
func TestOldListIsRememberedOverARestart(t *testing.T) {
	t.Parallel()
	s := newShaky(t, "1h")
	l := s.loop(loop.Options{})
	s.settle(l, s.base)
	s.die()
	planned, err := l.Plan(s.context(), s.changed)
	if err != nil {
		t.Fatal(err)
	}
	s.revive()
	s.daemon.Restart(t)
	if err := l.Registry.ApplyChanges(s.context(), planned); err == nil || !soft(err) {
		t.Fatalf("planned on an old list, and answered %v", err)
	}
	for _, listed := range s.listed() {
		if listed.Name == "www.example.test" && listed.Targets[0] != "192.0.2.1" {
			t.Fatalf("what was planned on an old list was applied: %s", listed)
		}
	}
	f := faulty{world: s.world}
	f.converge(l, s.changed)
}

// What is damaged is refused: a wrong list would delete records.
func TestDamagedSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	for _, damage := range []struct {
		name string
		do   func(text []byte) []byte
	}{
		{"cut", func(text []byte) []byte { return text[:len(text)-20] }},
		{"empty", func([]byte) []byte { return nil }},
		{"one bit", func(text []byte) []byte { text[len(text)-30] ^= 1; return text }},
		{"something else", func([]byte) []byte { return []byte("[]\n") }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			s := newShaky(t, "1h")
			l := s.loop(loop.Options{})
			s.settle(l, s.base)
			s.die()
			s.daemon.Stop(t)
			path := s.daemon.State("control", "dying", "snapshot")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage.do(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s.daemon.StartAgainUnready(t)
			s.mute("the snapshot is damaged")
			s.revive()
			f := faulty{world: s.world}
			f.converge(l, s.changed)
		})
	}
}

// A list that is older than max_stale is not shown any more, and the backend's
// own is as soon as it is back.
func TestSnapshotGetsTooOld(t *testing.T) {
	t.Parallel()
	const maxStale = 3 * time.Second
	s := newShaky(t, maxStale.String())
	l := s.loop(loop.Options{})
	s.settle(l, s.base)
	s.die()
	last := time.Now()
	s.expectListed(s.base)
	time.Sleep(time.Until(last.Add(maxStale + 100*time.Millisecond)))
	s.mute("the list is older than max_stale")
	s.daemon.Stop(t)
	s.daemon.StartAgainUnready(t)
	s.mute("the list is older than max_stale, also after a restart")
	s.revive()
	f := faulty{world: s.world}
	f.converge(l, s.changed)
}
