package conformance

import (
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
)

// One of three backends goes wrong in every way at once: the other two keep
// applying, the list stays whole, and what is meant for the third waits until
// its own list was shown again.
func TestOneOfThree(t *testing.T) {
	both := []string{"records", "apply"}
	for _, wrong := range []misbehaviour{
		{behaviour: "hang", on: both},
		{behaviour: "fail", on: both},
		{behaviour: "refuse", on: both},
		{behaviour: "panic", on: both},
		{behaviour: "panic-task", on: both},
		{behaviour: "panic-value", on: both},
		{behaviour: "late", on: both, delay: 5000},
		{behaviour: "partial", on: both},
		{behaviour: "partial-panic", on: both},
		{behaviour: "partial-hang", on: both},
	} {
		t.Run(wrong.name(), func(t *testing.T) {
			t.Parallel()
			newThree(t, wrong).run(wrong)
		})
	}
}

// three is a daemon with one backend that can go wrong, and two that never do.
type three struct {
	*world
	control string
}

func newThree(t *testing.T, wrong misbehaviour) *three {
	t.Helper()
	control := filepath.Join(t.TempDir(), "behaviour")
	command(t, control, "healthy")
	backends := wrong.backends(control)
	backends["calm"] = daemon.Memory("calm.test")
	config := daemon.Config{Deadline: deadline, Backends: backends}
	return &three{world: newWorld(t, config), control: control}
}

// desiredOfThree has a record in each zone with an address of its own.
func desiredOfThree(wrong, steady, calm string) []*endpoint.Endpoint {
	return endpoints(
		record("www.example.test", "A", 300, wrong),
		record("mail.example.test", "A", 300, wrong),
		record("ftp.example.test", "A", 300, wrong),
		record("www.steady.test", "A", 300, steady),
		record("www.calm.test", "A", 300, calm),
		record("new-"+strings.ReplaceAll(calm, ".", "-")+".calm.test", "A", 300, calm))
}

func (w *three) run(wrong misbehaviour) {
	t := w.t
	l := w.loop(loop.Options{})
	w.settle(l, desiredOfThree("192.0.2.1", "192.0.2.1", "192.0.2.1"))

	command(t, w.control, order{Behaviour: wrong.behaviour, On: wrong.on, Delay: wrong.delay})
	for _, address := range []string{"192.0.2.2", "192.0.2.3"} {
		if err := w.softly(l, desiredOfThree("192.0.2.9", address, address)); err == nil {
			t.Fatal("changes that a backend can't have made were confirmed")
		}
		w.expectListed(desiredOfThree("192.0.2.1", address, address))
	}
	extra := record("extra.example.test", "A", 300, "192.0.2.77")
	changes := func() *plan.Changes {
		return &plan.Changes{Create: endpoints(extra.DeepCopy(), ownership(loop.Options{}, extra))}
	}
	w.refuses(l, changes(), "the backend does nothing")

	command(t, w.control, "healthy")
	w.refuses(l, changes(), "the view was last shown an old list")
	f := faulty{world: w.world}
	f.converge(l, desiredOfThree("192.0.2.9", "192.0.2.4", "192.0.2.4"))
	w.quiet(l, desiredOfThree("192.0.2.9", "192.0.2.4", "192.0.2.4"))
}

// Where one of three backends has neither a list nor an old one, none is shown:
// ExternalDNS would take its records for gone, and write them again or delete
// what hangs on them.
func TestNeitherListNorSnapshot(t *testing.T) {
	wrong := misbehaviour{behaviour: "fail", on: []string{"records"}}
	w := newThree(t, wrong)
	command(t, w.control, order{Behaviour: "fail", On: wrong.on})
	l := w.loop(loop.Options{})
	desired := desiredOfThree("192.0.2.1", "192.0.2.1", "192.0.2.1")
	for range 8 {
		if found, err := l.Provider.Records(w.context()); err == nil || !soft(err) {
			t.Fatalf("a list without one of three backends: %v, %v", found, err)
		}
	}
	command(t, w.control, "healthy")
	f := faulty{world: w.world}
	f.converge(l, desired)
}
