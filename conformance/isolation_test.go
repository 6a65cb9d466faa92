package conformance

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/loop"
)

// outrage is what a plugin does to its own process.
type outrage struct {
	behaviour string
	on        []string
	// ends says that its process does not survive it.
	ends bool
}

func (o outrage) name() string { return o.behaviour + " on " + strings.Join(o.on, " and ") }

// Each of these a plugin does in a process of its own, while a second, healthy
// backend lists, adjusts and applies through ExternalDNS's own client: none of
// that one's calls fails, and none takes longer than twice its usual time.
func TestIsolation(t *testing.T) {
	records, apply := []string{"records"}, []string{"apply"}
	for _, wrong := range []outrage{
		{behaviour: "segfault", on: records, ends: true},
		{behaviour: "segfault", on: apply, ends: true},
		{behaviour: "segfault", on: []string{"adjust"}, ends: true},
		{behaviour: "abort", on: apply, ends: true},
		{behaviour: "exit", on: apply, ends: true},
		{behaviour: "stack-overflow", on: records, ends: true},
		{behaviour: "eat-memory", on: records, ends: true},
		{behaviour: "close-descriptors", on: records, ends: true},
		{behaviour: "garbage", on: records, ends: true},
		{behaviour: "spin", on: records, ends: true},
		{behaviour: "spin", on: apply, ends: true},
		{behaviour: "deadlock", on: records, ends: true},
		{behaviour: "block", on: apply, ends: true},
		{behaviour: "hang", on: records},
		{behaviour: "panic", on: apply},
		{behaviour: "leak-descriptors", on: records, ends: true},
		{behaviour: "multiply", on: records},
		{behaviour: "print", on: records},
		{behaviour: "babble", on: records},
		{behaviour: "endless", on: records},
	} {
		// Not in parallel: times are compared.
		t.Run(wrong.name(), wrong.run)
	}
}

const (
	// sampleRounds make a usual time, in three calls each.
	sampleRounds = 40
	// outrageLimit is for a plugin that is not ended before it has gone on with a
	// call for five seconds that nobody waited for.
	outrageLimit = 30 * time.Second
	// comparisons is how often times may be compared before the slower ones count:
	// a machine has its moments.
	comparisons = 3
)

// isolated is a daemon with a plugin that can do anything, and a healthy one.
type isolated struct {
	*world
	control      string
	steady, rude *loop.Loop
}

func newIsolated(t *testing.T) *isolated {
	t.Helper()
	control := filepath.Join(t.TempDir(), "behaviour")
	command(t, control, "healthy")
	settings := map[string]any{"control": control}
	i := &isolated{control: control, world: aroundViews(t, daemon.Start(t, subject, daemon.Config{
		Isolation: "process",
		Deadline:  deadline,
		// Debug lines of a hundred thousand are the log's own affair.
		LogLevel: "info,plugin=warn",
		Backends: map[string]daemon.Backend{
			"wrong":  {Plugin: "flaky", Zones: []string{"example.test"}, Limit: "1s", Settings: settings},
			"steady": daemon.Memory("steady.test"),
		},
		Views: map[string]daemon.View{
			"steady": {Path: "/steady", Backends: []string{"steady"}},
			"wrong":  {Path: "/wrong", Backends: []string{"wrong"}},
		},
	}))}
	for path, made := range map[string]**loop.Loop{"/steady": &i.steady, "/wrong": &i.rude} {
		client, err := loop.New(i.context(), i.daemon.URL()+path, loop.Options{})
		if err != nil {
			t.Fatalf("negotiation: %v", err)
		}
		*made = client
	}
	return i
}

// aroundViews connects clients to a daemon whose views are at paths that the
// OpenAPI file does not know.
func aroundViews(t *testing.T, running *daemon.Daemon) *world {
	t.Helper()
	transport := exchange.NewTransport()
	check := func(seen exchange.Exchange) []string {
		_, path, _ := strings.Cut(strings.TrimPrefix(seen.Path, "/"), "/")
		seen.Path = "/" + path
		return current.Check(seen)
	}
	w := &world{t: t, daemon: running, recorder: exchange.NewRecorder(transport, check)}
	switchboard.Connect(running.Host(), w.recorder)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		for _, fault := range w.recorder.Faults() {
			t.Error(fault)
		}
	})
	return w
}

func (o outrage) run(t *testing.T) {
	i := newIsolated(t)
	i.sample(sampleRounds)
	var slow string
	for attempt := range comparisons {
		usual := i.sample(sampleRounds)
		ended := i.ends()
		command(t, i.control, map[string]any{"behaviour": o.behaviour, "on": o.on, "count": 100_000})
		meanwhile := i.during(func(calls int) bool {
			return calls >= sampleRounds && (!o.ends || i.ends() > ended)
		})
		command(t, i.control, "healthy")
		i.recovers()
		if slow = meanwhile.slowerThan(usual); slow == "" {
			return
		}
		t.Logf("attempt %d: %s", attempt+1, slow)
	}
	t.Fatalf("the healthy backend's calls are slower: %s", slow)
}

// ends is how often the wrong one's process has ended by itself.
func (i *isolated) ends() float64 {
	return i.daemon.Metric(i.t, "zonemux_plugin_restarts_total", `backend="wrong"`)
}

// recovers waits until the wrong one does as it should.
func (i *isolated) recovers() {
	i.t.Helper()
	var last error
	for start := time.Now(); time.Since(start) < 2*outrageLimit; time.Sleep(50 * time.Millisecond) {
		if last = i.provoke(0); last == nil {
			return
		}
	}
	i.t.Fatalf("the wrong one never recovered: %v", last)
}

// provoke makes each call of the wrong one, which may fail, but softly.
func (i *isolated) provoke(round int) error {
	target := fmt.Sprintf("192.0.2.%d", round%250+1)
	www := record("www.example.test", "A", 300, target)
	_, first := i.rude.Provider.AdjustEndpoints(endpoints(www.DeepCopy()))
	found, err := i.rude.Provider.Records(i.context())
	if err == nil {
		changes := &plan.Changes{Create: endpoints(www)}
		if at := slices.IndexFunc(found, func(e *endpoint.Endpoint) bool { return e.DNSName == www.DNSName }); at >= 0 {
			changes = &plan.Changes{UpdateOld: endpoints(found[at]), UpdateNew: endpoints(www)}
		}
		err = i.rude.Provider.ApplyChanges(i.context(), changes)
	}
	for _, failed := range []error{first, err} {
		if !soft(failed) {
			i.t.Errorf("the wrong one's client would end: %v", failed)
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// sample is what calls of the healthy one take while the other one is called too.
func (i *isolated) sample(rounds int) times {
	i.t.Helper()
	return i.during(func(calls int) bool { return calls >= rounds })
}

// during calls the healthy one until there is enough, and the other one all the
// while. Every call of the healthy one must go well.
func (i *isolated) during(enough func(rounds int) bool) times {
	i.t.Helper()
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for round := 0; ; round++ {
			select {
			case <-stop:
				return
			default:
			}
			if i.provoke(round) != nil {
				// As ExternalDNS does, though not for a minute.
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
	defer others.Wait()
	defer close(stop)
	taken := times{}
	timed := func(call string, do func() error) {
		i.t.Helper()
		start := time.Now()
		if err := do(); err != nil {
			i.t.Fatalf("%s of the healthy backend failed: %v", call, err)
		}
		taken[call] = append(taken[call], time.Since(start))
	}
	old := endpoints()
	for round, start := 0, time.Now(); round == 0 || !enough(round); round++ {
		if time.Since(start) > outrageLimit {
			i.t.Fatalf("it did not happen within %s", outrageLimit)
		}
		next := endpoints(record("www.steady.test", "A", 300, fmt.Sprintf("192.0.2.%d", round%250+1)))
		timed("records", func() (err error) {
			old, err = i.steady.Provider.Records(i.context())
			return err
		})
		timed("adjust", func() error {
			_, err := i.steady.Provider.AdjustEndpoints(copies(next))
			return err
		})
		changes := &plan.Changes{Create: next}
		if len(old) > 0 {
			changes = &plan.Changes{UpdateOld: old, UpdateNew: next}
		}
		timed("apply", func() error { return i.steady.Provider.ApplyChanges(i.context(), changes) })
	}
	return taken
}

// times are what calls took, by their names.
type times map[string][]time.Duration

// What a scheduler that is asked for more than there is may add to a time,
// beside what twice the usual one allows: in the middle, for most, for the worst.
var allowances = []struct {
	quantile  float64
	allowance time.Duration
}{{0.5, 5 * time.Millisecond}, {0.95, 25 * time.Millisecond}, {1, 150 * time.Millisecond}}

// slowerThan says which calls took longer than twice their usual time.
func (t times) slowerThan(usual times) string {
	var slow []string
	for call, taken := range t {
		for _, bound := range allowances {
			before, now := quantile(usual[call], bound.quantile), quantile(taken, bound.quantile)
			if now > 2*before+bound.allowance {
				slow = append(slow, fmt.Sprintf("%s at %.2f: %s, usually %s", call, bound.quantile, now, before))
			}
		}
	}
	slices.Sort(slow)
	return strings.Join(slow, "; ")
}

// quantile of some times, which there are.
func quantile(taken []time.Duration, at float64) time.Duration {
	sorted := slices.Sorted(slices.Values(taken))
	return sorted[int(at*float64(len(sorted)-1))]
}
