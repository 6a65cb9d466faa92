package conformance

import (
	"path/filepath"
	"testing"
	"time"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
)

// An apply needs longer than its call: it goes on, later calls for the same
// join it, and the backend is asked once.
func TestApplyThatOutlivesItsCallIsJoined(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	control, calls := filepath.Join(directory, "control"), filepath.Join(directory, "calls")
	command(t, control, "healthy")
	backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}, Limit: "60s"}
	backend = backend.With("control", control).With("calls", calls)
	w := newWorld(t, daemon.Config{Deadline: "1s", Backends: map[string]daemon.Backend{"lan": backend}})
	l := w.loop(loop.Options{})
	first := endpoints(record("www.example.test", "A", 300, "192.0.2.1"))
	w.settle(l, first)
	before := callsOf(t, calls, "apply")

	command(t, control, order{Behaviour: "late", On: []string{"apply"}, Delay: 4000})
	moved := endpoints(record("www.example.test", "A", 300, "192.0.2.2"), record("new.example.test", "A", 300, "192.0.2.3"))
	if err := w.softly(l, moved); err == nil {
		t.Fatal("an apply of four seconds was confirmed within one")
	}
	command(t, control, "healthy")
	for start := time.Now(); ; {
		if w.softly(l, moved) == nil {
			break
		}
		if time.Since(start) > 30*time.Second {
			t.Fatal("the apply was never confirmed")
		}
	}
	w.quiet(l, moved)
	w.expectListed(moved)
	if asked := callsOf(t, calls, "apply") - before; asked != 1 {
		t.Fatalf("the backend was asked to apply %d times", asked)
	}
}
