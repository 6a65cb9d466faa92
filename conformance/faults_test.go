package conformance

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// misbehaviour is one way in which a plugin goes wrong.
type misbehaviour struct {
	behaviour string
	// on are the calls that it concerns.
	on []string
	// delay of what comes late, in milliseconds.
	delay int
	// harmless says that what happens is no failure.
	harmless bool
}

func (m misbehaviour) name() string {
	return m.behaviour + " on " + strings.Join(m.on, " and ")
}

// concerns says whether a call may fail. A plugin has one thread unless it asks
// for more, so a blocked one does nothing else.
func (m misbehaviour) concerns(call string) bool {
	return !m.harmless && (slices.Contains(m.on, call) || m.behaviour == "block")
}

// waits says whether changes must wait for a fresh list: they were planned on
// one that stood in for the backend's own.
func (m misbehaviour) waits(call string) bool {
	return call == "apply" && m.concerns("records")
}

// What calls may take: longer than the deadline is what "late" and "hang" are
// about, shorter than the limit is what comes late and still counts.
const (
	deadline  = "1s"
	workLimit = "4s"
	lateDelay = 2000
)

// A plugin that goes wrong never ends ExternalDNS, never makes it see a short
// list, and is forgotten once it behaves again.
func TestFaults(t *testing.T) {
	for _, wrong := range []misbehaviour{
		{behaviour: "fail", on: []string{"records"}},
		{behaviour: "fail", on: []string{"apply"}},
		{behaviour: "fail", on: []string{"adjust"}},
		{behaviour: "fail", on: []string{"records", "apply", "adjust"}},
		{behaviour: "panic", on: []string{"records"}},
		{behaviour: "panic", on: []string{"apply"}},
		{behaviour: "panic", on: []string{"adjust"}},
		{behaviour: "panic", on: []string{"records", "apply", "adjust"}},
		{behaviour: "hang", on: []string{"records"}},
		{behaviour: "hang", on: []string{"apply"}},
		{behaviour: "block", on: []string{"records"}},
		{behaviour: "block", on: []string{"apply"}},
		{behaviour: "late", on: []string{"records"}, delay: lateDelay},
		{behaviour: "late", on: []string{"apply"}, delay: lateDelay},
		{behaviour: "late", on: []string{"records", "apply"}, delay: 100, harmless: true},
		{behaviour: "partial", on: []string{"records"}},
	} {
		t.Run(wrong.name(), func(t *testing.T) {
			t.Parallel()
			wrong.run(t)
		})
	}
}

// faulty is a daemon with a backend that misbehaves when told to, beside one
// that never does.
type faulty struct {
	*world
	control string
	// base is what is there before anything goes wrong, changed what is wanted
	// while it does.
	base, changed []*endpoint.Endpoint
}

func (m misbehaviour) backends(control string) map[string]daemon.Backend {
	settings := map[string]any{"behaviour": "healthy", "on": m.on, "control": control}
	if m.delay > 0 {
		settings["delay"] = m.delay
	}
	return map[string]daemon.Backend{
		"wrong":  {Plugin: "flaky", Zones: []string{"example.test"}, Limit: workLimit, Settings: settings},
		"steady": daemon.Memory("steady.test"),
	}
}

func newFaulty(t *testing.T, m misbehaviour, start func(testing.TB, daemon.Subject, daemon.Config) *daemon.Daemon, behaviour string) *faulty {
	t.Helper()
	f := &faulty{
		control: filepath.Join(t.TempDir(), "behaviour"),
		base: endpoints(
			record("one.example.test", "A", 300, "192.0.2.1"),
			record("two.example.test", "A", 300, "192.0.2.2"),
			record("three.example.test", "A", 300, "192.0.2.3"),
			record("www.steady.test", "A", 300, "192.0.2.4")),
		changed: endpoints(
			record("one.example.test", "A", 300, "192.0.2.11"),
			record("two.example.test", "CNAME", 300, "one.example.test"),
			record("four.example.test", "A", 300, "192.0.2.14"),
			record("www.steady.test", "A", 300, "192.0.2.24")),
	}
	f.behave(t, behaviour)
	f.world = around(t, start(t, subject, daemon.Config{Deadline: deadline, Backends: m.backends(f.control)}))
	return f
}

// behave tells the plugin how to.
func (f *faulty) behave(t *testing.T, behaviour string) {
	t.Helper()
	command(t, f.control, behaviour)
}

func (m misbehaviour) run(t *testing.T) {
	f := newFaulty(t, m, daemon.Start, "healthy")
	l := f.loop(loop.Options{})
	f.settle(l, f.base)

	f.behave(t, m.behaviour)
	f.callEach(m, l)
	if _, err := l.Run(f.context(), f.changed); !soft(err) {
		t.Fatalf("the loop would end: %v", err)
	}

	f.behave(t, "healthy")
	f.converge(l, f.changed)
}

// callEach makes each call once, and demands a soft failure or a right answer.
func (f *faulty) callEach(m misbehaviour, l *loop.Loop) {
	f.t.Helper()
	expect := func(call string, err error) {
		f.t.Helper()
		switch {
		case !soft(err):
			f.t.Fatalf("%s would end ExternalDNS: %v", call, err)
		case err != nil && !m.concerns(call) && !m.waits(call):
			f.t.Fatalf("%s failed, though the backend does it: %v", call, err)
		}
	}
	found, err := l.Provider.Records(f.context())
	expect("records", err)
	if err == nil {
		// A snapshot may stand in for the backend, but only a whole one.
		f.whole(found)
	}
	adjusted, err := l.Provider.AdjustEndpoints(copies(f.base))
	expect("adjust", err)
	if err == nil {
		expectSame(f.t, records(f.base), records(adjusted))
	}
	extra := record("extra.example.test", "A", 300, "192.0.2.77")
	err = l.Provider.ApplyChanges(f.context(), &plan.Changes{Create: endpoints(extra, ownership(loop.Options{}, extra))})
	expect("apply", err)
	if err == nil && slices.Contains(m.on, "apply") && !m.harmless {
		f.t.Fatal("a change that the backend can't have made was confirmed")
	}
}

// whole demands that a list has every record that was there.
func (f *faulty) whole(found []*endpoint.Endpoint) {
	f.t.Helper()
	_, others := listing.Split(records(found))
	expectSame(f.t, records(f.base), others)
}

// converge runs loops until one finds nothing to change. Each may fail softly.
func (f *faulty) converge(l *loop.Loop, desired []*endpoint.Endpoint) {
	f.t.Helper()
	const limit = 40 * time.Second
	var last string
	for start := time.Now(); time.Since(start) < limit; time.Sleep(100 * time.Millisecond) {
		_, err := l.Run(f.context(), desired)
		if !soft(err) {
			f.t.Fatalf("the loop would end: %v", err)
		}
		if last = f.unsettled(l, desired, err); last == "" {
			return
		}
	}
	f.t.Fatalf("not settled within %s of the backend's recovery: %s", limit, last)
}

// unsettled says what is still missing after a loop, if anything is.
func (f *faulty) unsettled(l *loop.Loop, desired []*endpoint.Endpoint, err error) string {
	if err != nil {
		return err.Error()
	}
	changes, err := l.Plan(f.context(), desired)
	if err != nil {
		return err.Error()
	}
	if changes.HasChanges() {
		return "not quiet:\n" + describe(changes)
	}
	listed, err := listing.Get(f.context(), f.daemon.URL())
	if err != nil {
		return err.Error()
	}
	_, others := listing.Split(listed)
	return shorten(listing.Difference(records(desired), others))
}

// soft says that ExternalDNS would go on.
func soft(err error) bool { return err == nil || errors.Is(err, provider.SoftError) }

// copies are for calls that change what they are given.
func copies(list []*endpoint.Endpoint) []*endpoint.Endpoint {
	made := make([]*endpoint.Endpoint, 0, len(list))
	for _, original := range list {
		made = append(made, original.DeepCopy())
	}
	return made
}

// A backend that can't be opened when the daemon starts: ExternalDNS can
// negotiate, waits, and goes on once it opens.
func TestFaultsAtOpen(t *testing.T) {
	for _, wrong := range []misbehaviour{
		{behaviour: "fail", on: []string{"open"}},
		{behaviour: "panic", on: []string{"open"}},
		{behaviour: "hang", on: []string{"open"}},
	} {
		t.Run(wrong.name(), func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t, wrong, daemon.StartUnready, wrong.behaviour)
			l := f.loop(loop.Options{})
			if found, err := l.Provider.Records(f.context()); err == nil || !soft(err) {
				t.Fatalf("a backend that was never open lists %v, %v", found, err)
			}
			if _, err := l.Provider.AdjustEndpoints(copies(f.base)); !soft(err) {
				t.Fatalf("adjust would end ExternalDNS: %v", err)
			}
			if err := l.Provider.ApplyChanges(f.context(), &plan.Changes{Create: copies(f.base)}); err == nil || !soft(err) {
				t.Fatalf("a backend that was never open applied: %v", err)
			}
			f.behave(t, "healthy")
			f.converge(l, f.base)
		})
	}
}
