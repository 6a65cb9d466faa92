package conformance

import (
	"fmt"
	"sync"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// How many loops each of two ExternalDNS runs against the other, and how many
// records each has.
const (
	rivalLoops   = 15
	rivalRecords = 30
)

// Two ExternalDNS with different owners write at the same time, to one view and
// to two views of one backend: each gets its own, none loses an update, and of
// a name that both want the first has it.
func TestRivals(t *testing.T) {
	for _, kind := range []struct {
		name  string
		views map[string]daemon.View
		paths [2]string
	}{
		{name: "one view", paths: [2]string{"", ""}},
		{name: "two views of one backend", paths: [2]string{"", "/other"}, views: map[string]daemon.View{
			"one":   {Path: "/", Backends: []string{"a"}},
			"other": {Path: "/other", Backends: []string{"a"}},
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			running := daemon.Start(t, subject, daemon.Config{Backends: defaultBackends(), Views: kind.views})
			transport := exchange.NewTransport()
			t.Cleanup(transport.CloseIdleConnections)
			line := &mortal{t: t, next: transport}
			switchboard.Connect(running.Host(), line)

			rivals := [2]*rival{}
			for number, path := range kind.paths {
				owner := fmt.Sprintf("owner%d", number+1)
				l, err := loop.New(t.Context(), running.URL()+path, loop.Options{Owner: owner})
				if err != nil {
					t.Fatalf("negotiation: %v", err)
				}
				rivals[number] = &rival{t: t, loop: l, number: number}
			}
			var both sync.WaitGroup
			for _, one := range rivals {
				both.Add(1)
				go func() {
					defer both.Done()
					one.compete()
				}()
			}
			both.Wait()
			if t.Failed() {
				return
			}
			// Each in turn: what the other's last write kept from it comes now.
			for range 2 {
				for _, one := range rivals {
					one.once(rivalLoops)
				}
			}
			want := map[string]*endpoint.Endpoint{}
			for _, one := range rivals {
				changes, err := one.loop.Plan(t.Context(), one.desired(rivalLoops))
				if err != nil || changes.HasChanges() {
					t.Fatalf("owner%d is not quiet: %v\n%s", one.number+1, err, describe(changes))
				}
				for _, wanted := range one.desired(rivalLoops) {
					want[wanted.DNSName] = wanted
				}
			}
			listed, err := listing.Get(t.Context(), running.URL())
			if err != nil {
				t.Fatal(err)
			}
			ownership, others := listing.Split(listed)
			if len(ownership) != len(want) || len(others) != len(want) {
				t.Fatalf("%d records and %d ownership records are there, %d names were wanted", len(others), len(ownership), len(want))
			}
			for _, record := range others {
				if record.Name != sharedName && record.Targets[0] != want[record.Name].Targets[0] {
					t.Errorf("a lost update: %s, and wanted was %s", record, want[record.Name])
				}
			}
		})
	}
}

// sharedName is what both want.
const sharedName = "shared.example.test"

type rival struct {
	t      *testing.T
	loop   *loop.Loop
	number int
}

// desired is what it wants in a round: its own records, which come, move and
// go, and one name that the other wants too.
func (r *rival) desired(round int) []*endpoint.Endpoint {
	var list []*endpoint.Endpoint
	for number := range rivalRecords {
		if (number+round)%5 == 0 {
			continue
		}
		name := fmt.Sprintf("r%d-%d.example.test", r.number, number)
		list = append(list, record(name, "A", 300, fmt.Sprintf("192.0.2.%d", (number+round)%5+1)))
	}
	return append(list, record(sharedName, "A", 300, fmt.Sprintf("198.51.100.%d", r.number+1)))
}

func (r *rival) compete() {
	for round := range rivalLoops + 1 {
		if _, err := r.loop.Run(r.t.Context(), r.desired(round)); !soft(err) {
			r.t.Errorf("owner%d, round %d: the loop would end: %v", r.number+1, round, err)
			return
		}
	}
}

func (r *rival) once(round int) {
	r.t.Helper()
	if _, err := r.loop.Run(r.t.Context(), r.desired(round)); err != nil {
		r.t.Fatalf("owner%d alone: %v", r.number+1, err)
	}
}
