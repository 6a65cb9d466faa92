package conformance

import (
	"fmt"
	"math/bits"
	"path/filepath"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// picky is a daemon whose backend refuses what has "bad" in its name.
type picky struct {
	*world
	control, calls string
}

func newPicky(t *testing.T, retry, behaviour string, atomic bool) *picky {
	t.Helper()
	directory := t.TempDir()
	p := &picky{control: filepath.Join(directory, "control"), calls: filepath.Join(directory, "calls")}
	p.behave(t, behaviour)
	backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}, Retry: retry}
	backend = backend.With("control", p.control).With("calls", p.calls).
		With("file", filepath.Join(directory, "records")).With("atomic_units", atomic)
	p.world = newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{"lan": backend}})
	return p
}

func (p *picky) behave(t *testing.T, behaviour string) {
	t.Helper()
	command(t, p.control, order{Behaviour: behaviour, On: []string{"apply"}, Match: "bad"})
}

func (p *picky) applies() int { return callsOf(p.t, p.calls, "apply") }

// manyWith is so many records, and one that is refused.
func manyWith(good int, bad *endpoint.Endpoint) []*endpoint.Endpoint {
	var list []*endpoint.Endpoint
	for number := range good {
		list = append(list, record(fmt.Sprintf("n%03d.example.test", number), "A", 300, "192.0.2.1"))
	}
	return append(list, bad)
}

// lacks demands that all are listed with their ownership but one, of which
// there is neither.
func (p *picky) lacks(desired []*endpoint.Endpoint, name string) {
	p.t.Helper()
	ownership, others := listing.Split(p.listed())
	rest := without(desired, name)
	expectSame(p.t, records(rest), others)
	if len(ownership) != len(rest) {
		p.t.Fatalf("%d ownership records for %d records", len(ownership), len(rest))
	}
	for _, owned := range ownership {
		if owned.Name == ownershipName(loop.Options{}, "A", name) {
			p.t.Fatalf("the ownership of a record that is not there: %s", owned)
		}
	}
}

// One bad record among fifty: the rest is applied, ExternalDNS asks for it in
// each loop, and the backend is asked once.
func TestQuarantineOfOneAmongFifty(t *testing.T) {
	for _, atomic := range []bool{true, false} {
		t.Run(fmt.Sprintf("units in one step %v", atomic), func(t *testing.T) {
			t.Parallel()
			p := newPicky(t, "1h", "refuse", atomic)
			l := p.loop(loop.Options{})
			const bad = "bad.example.test"
			desired := manyWith(49, record(bad, "A", 300, "192.0.2.1"))
			p.run(l, desired)
			p.lacks(desired, bad)

			asked := p.applies()
			repeats := func() {
				t.Helper()
				for range 3 {
					changes := p.run(l, desired)
					if len(changes.Create) != 1 {
						t.Fatalf("ExternalDNS asks for something else than the bad record:\n%s", describe(changes))
					}
				}
				if now := p.applies(); now != asked {
					t.Fatalf("repeats of a refused record cost %d calls to the backend", now-asked)
				}
				p.lacks(desired, bad)
				if metric := p.daemon.Metric(t, "zonemux_quarantined_records", `backend="lan"`); metric != 1 {
					t.Fatalf("%v records in quarantine, says the metric", metric)
				}
			}
			repeats()
			p.daemon.Restart(t)
			repeats()

			// Changed, it is tried at once; still bad, it is left alone again.
			desired = manyWith(49, record(bad, "A", 300, "192.0.2.2"))
			p.run(l, desired)
			if p.applies() == asked {
				t.Fatal("a changed record was not tried")
			}
			asked = p.applies()
			repeats()

			// Changed and good, it is there.
			p.behave(t, "healthy")
			desired = manyWith(49, record(bad, "A", 300, "192.0.2.3"))
			p.settle(l, desired)
			_, others := listing.Split(p.listed())
			expectSame(t, records(desired), others)
			if metric := p.daemon.Metric(t, "zonemux_quarantined_records", `backend="lan"`); metric != 0 {
				t.Fatalf("%v records in quarantine after all, says the metric", metric)
			}
			p.settle(l, endpoints())
		})
	}
}

// Unchanged, it is tried again when its time has come.
func TestQuarantineEnds(t *testing.T) {
	t.Parallel()
	p := newPicky(t, "1s", "refuse", true)
	l := p.loop(loop.Options{})
	desired := manyWith(3, record("bad.example.test", "A", 300, "192.0.2.1"))
	p.run(l, desired)
	p.lacks(desired, "bad.example.test")
	p.behave(t, "healthy")
	f := faulty{world: p.world}
	f.converge(l, desired)
}

// A backend that can only say no to a whole transaction is asked for halves,
// some 2 · log₂ n times, and not for one record after the other.
func TestQuarantineByHalves(t *testing.T) {
	t.Parallel()
	p := newPicky(t, "1h", "refuse-batch", true)
	l := p.loop(loop.Options{})
	const count, bad = 256, "bad.example.test"
	desired := manyWith(count-1, record(bad, "A", 300, "192.0.2.1"))
	p.run(l, desired)
	p.lacks(desired, bad)
	// One call for the whole, two for each time that it is halved, and one or
	// two to learn that its ownership is not to blame.
	limit := 2*bits.Len(count-1) + 3
	if calls := p.applies(); calls > limit {
		t.Fatalf("one bad record among %d cost %d calls, more than %d", count, calls, limit)
	}
	asked := p.applies()
	for range 2 {
		p.run(l, desired)
	}
	if now := p.applies(); now != asked {
		t.Fatalf("repeats cost %d calls", now-asked)
	}
}

// A retype whose create is refused keeps the old record, with its ownership.
func TestRetypeWhoseCreateIsRefusedKeepsTheOldRecord(t *testing.T) {
	for _, behaviour := range []string{"refuse", "refuse-batch"} {
		for _, atomic := range []bool{true, false} {
			if atomic && behaviour == "refuse" {
				// Single changes are refused by who writes them one by one.
				continue
			}
			t.Run(fmt.Sprintf("%s, units in one step %v", behaviour, atomic), func(t *testing.T) {
				t.Parallel()
				p := newPicky(t, "1h", "healthy", atomic)
				l := p.loop(loop.Options{})
				old := endpoints(record("www.example.test", "A", 300, "192.0.2.1"), record("other.example.test", "A", 300, "192.0.2.1"))
				p.settle(l, old)
				command(t, p.control, order{Behaviour: behaviour, On: []string{"apply"}, Type: "CNAME"})
				wanted := endpoints(record("www.example.test", "CNAME", 300, "other.example.test"), record("other.example.test", "A", 300, "192.0.2.2"))
				kept := endpoints(old[0], wanted[1])
				for range 3 {
					p.run(l, wanted)
					ownership, others := listing.Split(p.listed())
					expectSame(t, records(kept), others)
					p.expectOwnership([]string{"a-www.example.test", "a-other.example.test"}, ownership)
				}
				command(t, p.control, "healthy")
				wanted[0] = record("www.example.test", "CNAME", 60, "other.example.test")
				p.settle(l, wanted)
				p.settle(l, endpoints())
			})
		}
	}
}
