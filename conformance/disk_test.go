package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
)

// diskRecords is how many records the test has: enough for a journal that
// outgrows what is left of a page.
const diskRecords = 40

// onDisk are the records of one round, each of which differs from the last.
func onDisk(round int) []*endpoint.Endpoint {
	var list []*endpoint.Endpoint
	for number := range diskRecords {
		name := fmt.Sprintf("n%d.example.test", number)
		list = append(list, record(name, "A", 300, fmt.Sprintf("192.0.2.%d", round%250+1)))
	}
	// A kept ownership has to be stored, not only a mark.
	return append(list, record("example.test", "A", 300, fmt.Sprintf("192.0.2.%d", round%250+1)))
}

// The disk of the state directory is full, or nothing on it can be written:
// lists are served, changes are applied or wait, and all goes on by itself once
// there is room again. A journal that can't be written fails no call.
func TestStateDirectoryThatCanNotBeWritten(t *testing.T) {
	for _, trouble := range []struct {
		name string
		// begin makes the trouble, and gives what ends it.
		begin func(t *testing.T, state string) (end func())
		// loses says that lines of the journal are lost.
		loses bool
	}{
		{name: "disk full", loses: true, begin: func(t *testing.T, state string) func() {
			filler := filepath.Join(state, "filler")
			fill(t, filler)
			return func() {
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{name: "read-only", begin: func(t *testing.T, state string) func() {
			readOnly(t, state)
			return func() { unmount(t, state) }
		}},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(smallDisk(t, "2m"), "state")
			if err := os.Mkdir(state, 0o700); err != nil {
				t.Fatal(err)
			}
			backend := daemon.Memory("example.test").With("file", filepath.Join(t.TempDir(), "records"))
			w := newWorld(t, daemon.Config{State: state, Backends: map[string]daemon.Backend{"lan": backend}})
			l := w.loop(loop.Options{})
			w.settle(l, onDisk(0))

			end := trouble.begin(t, state)
			// However a step fails, what is mounted goes before the daemon.
			ended := false
			t.Cleanup(func() {
				if !ended {
					end()
				}
			})
			applied := 0
			lost := func() float64 { return w.daemon.Metric(t, "zonemux_journal_write_errors_total") }
			for round := 1; round <= 12; round++ {
				if _, err := l.Provider.Records(w.context()); err != nil {
					t.Fatalf("a list was not served, though the backend is well: %v", err)
				}
				if w.softly(l, onDisk(round)) == nil {
					applied = round
				}
			}
			if trouble.loses && lost() == 0 {
				t.Fatal("the disk is full, and no line of the journal was counted as lost")
			}
			t.Logf("the last round that was applied: %d; lines lost: %v", applied, lost())

			end()
			ended = true
			f := faulty{world: w}
			f.converge(l, onDisk(100))
			w.quiet(l, onDisk(100))
			time.Sleep(200 * time.Millisecond)
			before := lost()
			w.settle(l, onDisk(101))
			w.daemon.Restart(t)
			if told := about(journal(t, w.daemon), "n0.example.test", "applied"); len(told) < 2 {
				t.Fatalf("the journal did not go on: %+v", told)
			}
			if now := lost(); now > before {
				t.Fatalf("lines of the journal are still lost: %v, then %v", before, now)
			}
			w.quiet(l, onDisk(101))
		})
	}
}
