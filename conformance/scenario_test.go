package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// scenario is a sequence of desired states. After each of them a second loop
// must find nothing to change, and the daemon must list what was desired.
type scenario struct {
	name string
	// backends of the daemon; one of the memory plugin for example.test if none.
	backends map[string]daemon.Backend
	// options of ExternalDNS.
	options loop.Options
	steps   []step
}

// step is one desired state.
type step struct {
	what string
	// before is done to the world first: a restart, a change by someone else.
	before func(*world)
	// options that differ from the scenario's: another ExternalDNS.
	options *loop.Options
	// desired is what the source says.
	desired []*endpoint.Endpoint
	// want is what the daemon must list beside ownership; desired if nil.
	want []listing.Record
	// anyProperties leaves open which provider-specific properties are listed:
	// whether the backend keeps one that it does not know is its own business,
	// as long as the planner is quiet.
	anyProperties bool
	// owned are the names of the ownership records that it must list; if nil,
	// one for each desired record.
	owned []string
	// idle says that already the first loop must find nothing to change.
	idle bool
	// check looks at the daemon when all else is right.
	check func(*world)
}

// defaultBackends is what most scenarios run on.
func defaultBackends() map[string]daemon.Backend {
	return map[string]daemon.Backend{"a": daemon.Memory("example.test")}
}

func runScenarios(t *testing.T, scenarios []scenario) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t)
		})
	}
}

func (s scenario) run(t *testing.T) {
	backends := s.backends
	if backends == nil {
		backends = defaultBackends()
	}
	s.in(newWorld(t, daemon.Config{Backends: backends}))
}

// in runs the scenario in a world that has nothing in it yet.
func (s scenario) in(w *world) {
	w.t.Helper()
	for number, current := range s.steps {
		// Not a subtest: the steps after a failed one would say nothing.
		w.step(fmt.Sprintf("step %d, %s", number+1, current.what), s.options, current)
	}
}

func (w *world) step(name string, options loop.Options, s step) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("failed in %s", name)
		}
	}()
	if s.before != nil {
		s.before(w)
	}
	if s.options != nil {
		options = *s.options
	}
	l := w.loop(options)
	for _, wanted := range s.desired {
		if !wanted.CheckEndpoint() {
			w.t.Fatalf("ExternalDNS would drop this endpoint: %s", wanted)
		}
	}
	w.keepsKeys(l, s.desired)
	if s.idle {
		w.quiet(l, s.desired)
	} else {
		w.settle(l, s.desired)
	}

	want := s.want
	if want == nil {
		want = records(s.desired)
	}
	owned := s.owned
	if owned == nil {
		for _, wanted := range s.desired {
			owned = append(owned, ownershipName(options, wanted.RecordType, wanted.DNSName))
		}
	}
	ownership, others := listing.Split(w.listed(), owned...)
	if s.anyProperties {
		want, others = withoutProperties(want), withoutProperties(others)
	}
	expectSame(w.t, want, others)
	w.expectOwnership(owned, ownership)
	if s.check != nil {
		s.check(w)
	}
}

func withoutProperties(records []listing.Record) []listing.Record {
	bare := make([]listing.Record, 0, len(records))
	for _, record := range records {
		record.Properties = nil
		bare = append(bare, record)
	}
	return bare
}

// keepsKeys demands that AdjustEndpoints leaves name, type, set identifier and
// labels alone: the client finds its events and its owners by them.
func (w *world) keepsKeys(l *loop.Loop, desired []*endpoint.Endpoint) {
	w.t.Helper()
	given := make([]*endpoint.Endpoint, 0, len(desired))
	for _, wanted := range desired {
		given = append(given, wanted.DeepCopy())
	}
	adjusted, err := l.Provider.AdjustEndpoints(given)
	if err != nil {
		w.t.Fatalf("AdjustEndpoints: %v", err)
	}
	if len(adjusted) != len(desired) {
		w.t.Fatalf("AdjustEndpoints was given %d endpoints and answered %d", len(desired), len(adjusted))
	}
	for _, wanted := range desired {
		// Two sources may want one name, so a key may be there twice.
		kept := slices.ContainsFunc(adjusted, func(got *endpoint.Endpoint) bool {
			return got.Key() == wanted.Key() && maps.Equal(got.Labels, wanted.Labels)
		})
		if !kept {
			w.t.Fatalf("AdjustEndpoints did not keep %s with the labels %v", wanted.Key(), wanted.Labels)
		}
	}
}

// expectOwnership compares the names of ownership records, and their form: one
// target, or the client forgets what it owns.
func (w *world) expectOwnership(want []string, got []listing.Record) {
	w.t.Helper()
	missing := map[string]int{}
	for _, name := range want {
		missing[listing.CanonicalName(name)]++
	}
	for _, record := range got {
		if len(record.Targets) != 1 {
			w.t.Fatalf("ownership record with %d targets: %s", len(record.Targets), record)
		}
		missing[listing.CanonicalName(record.Name)]--
	}
	for name, count := range missing {
		switch {
		case count > 0:
			w.t.Fatalf("the ownership record %s is not listed", name)
		case count < 0:
			w.t.Fatalf("an ownership record %s is listed that should not be", name)
		}
	}
}

// ownershipName is the name of an ownership record by the rules of
// ExternalDNS's documentation, written without its code.
func ownershipName(options loop.Options, recordType, name string) string {
	kind := strings.ToLower(recordType)
	first, rest, _ := strings.Cut(strings.TrimSuffix(name, "."), ".")
	if first == "*" && options.WildcardReplacement != "" {
		first = options.WildcardReplacement
	}
	prefix, suffix := strings.ToLower(options.Prefix), strings.ToLower(options.Suffix)
	const template = "%{record_type}"
	if strings.Contains(prefix+suffix, template) {
		expand := func(affix string) string { return strings.ReplaceAll(affix, template, kind) }
		return expand(prefix) + first + expand(suffix) + "." + rest
	}
	return prefix + kind + "-" + first + suffix + "." + rest
}
