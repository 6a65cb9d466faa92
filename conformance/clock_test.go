package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
)

// fakeClock is libfaketime, which Debian's package `faketime` brings.
func fakeClock(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("libfaketime is missing; on Debian and Ubuntu `apt-get install faketime` brings it")
	return ""
}

// The clock is set back by a year, and later forward again, under a daemon that
// runs and over a restart: nothing waits for a time that has been, and what
// stands in for a dead backend is neither too old nor of the future.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	clock := filepath.Join(directory, "clock")
	set := func(offset string) {
		t.Helper()
		if err := os.WriteFile(clock+".new", []byte(offset+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(clock+".new", clock); err != nil {
			t.Fatal(err)
		}
	}
	set("+0d")
	control, calls := filepath.Join(directory, "control"), filepath.Join(directory, "calls")
	command(t, control, "healthy")
	backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}, MaxStale: "1h", Retry: "1s"}
	backend = backend.With("control", control).With("calls", calls).With("file", filepath.Join(directory, "records"))
	w := newWorld(t, daemon.Config{
		Backends: map[string]daemon.Backend{"lan": backend, "steady": daemon.Memory("steady.test").With("file", filepath.Join(directory, "steady"))},
		Environment: []string{
			"LD_PRELOAD=" + fakeClock(t), "FAKETIME_TIMESTAMP_FILE=" + clock, "FAKETIME_NO_CACHE=1",
			// Only the clock on the wall: the other is never set.
			"FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
		},
	})
	l := w.loop(loop.Options{})
	bad := record("bad.example.test", "A", 300, "192.0.2.6")
	base := endpoints(record("www.example.test", "A", 300, "192.0.2.1"), record("www.steady.test", "A", 300, "192.0.2.1"))
	w.settle(l, base)
	command(t, control, order{Behaviour: "refuse", On: []string{"apply"}, Match: "bad"})
	w.run(l, append(base, bad))
	w.expectListed(base)

	set("-365d")
	// What was refused in the future does not stay away for a year.
	command(t, control, "healthy")
	f := faulty{world: w}
	f.converge(l, append(base, bad))
	changed := endpoints(record("www.example.test", "CNAME", 300, "www.steady.test"), record("www.steady.test", "A", 300, "192.0.2.2"))
	w.settle(l, changed)

	// A backend that fails now has a list of this process, whose age is known.
	command(t, control, order{Behaviour: "fail", On: []string{"open", "records", "apply"}})
	w.expectListed(changed)
	if err := w.softly(l, base); err == nil {
		t.Fatal("changes to a dead backend were confirmed")
	}
	command(t, control, "healthy")
	f.converge(l, base)

	w.daemon.Restart(t)
	w.quiet(l, base)
	set("-730d")
	w.daemon.Restart(t)
	w.quiet(l, base)
	w.settle(l, changed)
	set("+0d")
	w.settle(l, base)
	w.daemon.Restart(t)
	w.quiet(l, base)

	lines := journal(t, w.daemon)
	if len(about(lines, "www.example.test", "applied")) == 0 {
		t.Fatalf("the journal lost its lines: %+v", lines)
	}
	back := false
	for number := 1; number < len(lines); number++ {
		back = back || lines[number].Time < lines[number-1].Time
	}
	if !back {
		t.Fatal("the clock was not set back: no line of the journal is older than the one before it")
	}
}
