package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// How often the daemon is killed, and what changes in each round. With two
// kinds of backends that is a death for each of 50 rounds.
const (
	killRounds  = 25
	killChanges = 2000
)

// killSeed makes a run repeatable: set it to what a failed one has printed.
const killSeed = "ZONEMUX_SEED"

// The daemon dies at any moment of ExternalDNS's loop, and mostly in the middle
// of its 2,000 changes. Each record is afterwards as it was or as it was to be,
// with its ownership, and the next ExternalDNS brings all to its end.
func TestKilledAtAnyMoment(t *testing.T) {
	for _, kind := range []struct {
		name string
		make func(directory string) daemon.Backend
		// halves says that the backend may leave a unit half done.
		halves bool
	}{
		{name: "a backend that writes units in one step", make: func(directory string) daemon.Backend {
			return daemon.Memory("example.test").With("file", filepath.Join(directory, "records"))
		}},
		{name: "a backend that writes change by change", halves: true, make: func(directory string) daemon.Backend {
			flaky := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}}
			return flaky.With("file", filepath.Join(directory, "records")).
				With("control", filepath.Join(directory, "control")).
				With("atomic_units", false)
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			directory, seed := t.TempDir(), seed(t)
			backends := map[string]daemon.Backend{"a": kind.make(directory)}
			k := &killing{
				t:       t,
				daemon:  daemon.Start(t, subject, daemon.Config{Backends: backends, LogLevel: "warn"}),
				random:  rand.New(rand.NewPCG(seed, 1)),
				control: filepath.Join(directory, "control"),
				halves:  kind.halves,
			}
			k.fill()
			for round := range killRounds {
				k.round(round)
			}
			k.readLog()
		})
	}
}

func seed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv(killSeed); given != "" {
		if _, err := fmt.Sscan(given, &seed); err != nil {
			t.Fatalf("%s: %v", killSeed, err)
		}
	}
	t.Logf("%s=%d", killSeed, seed)
	return seed
}

// killing is a daemon that dies again and again.
type killing struct {
	t       *testing.T
	daemon  *daemon.Daemon
	random  *rand.Rand
	control string
	halves  bool
	// loopTime and applyTime are what the last undisturbed loop took, and its
	// call that applies changes.
	loopTime, applyTime time.Duration
	// read is up to where the journal was read.
	read int64
}

// stateOf is what is wanted of a name in a round: each round creates, moves,
// retypes or deletes it.
func stateOf(number, round int) *endpoint.Endpoint {
	name := fmt.Sprintf("n%04d.example.test", number)
	switch (number + round) % 4 {
	case 0:
		return nil
	case 1:
		return record(name, "A", 300, "192.0.2.1")
	case 2:
		return record(name, "A", 300, "192.0.2.2")
	default:
		return record(name, "CNAME", 300, "target.example.test")
	}
}

func statesOf(round int) []*endpoint.Endpoint {
	var states []*endpoint.Endpoint
	for number := range killChanges {
		if wanted := stateOf(number, round); wanted != nil {
			states = append(states, wanted)
		}
	}
	return states
}

// client is an ExternalDNS that has just been started.
func (k *killing) client() (*loop.Loop, *mortal) {
	k.t.Helper()
	transport := exchange.NewTransport()
	k.t.Cleanup(transport.CloseIdleConnections)
	line := &mortal{t: k.t, next: transport}
	switchboard.Connect(k.daemon.Host(), line)
	l, err := loop.New(k.t.Context(), k.daemon.URL(), loop.Options{})
	if err != nil {
		k.t.Fatalf("negotiation: %v", err)
	}
	return l, line
}

func (k *killing) fill() {
	k.t.Helper()
	l, line := k.client()
	k.converge(l, line, 0)
}

func (k *killing) round(round int) {
	k.t.Helper()
	k.interrupted(round)
	k.readJournal()
	k.daemon.StartAgain(k.t)
	k.whole(round)
	l, line := k.client()
	k.converge(l, line, round+1)
}

// interrupted is a loop from one round's state to the next, in which the
// daemon dies.
func (k *killing) interrupted(round int) {
	k.t.Helper()
	l, line := k.client()
	// Once: a timer that is late must not end the process that comes next.
	die := sync.OnceFunc(func() {
		line.dying.Store(true)
		k.daemon.Kill(k.t)
	})
	moment := func(within time.Duration) time.Duration { return time.Duration(k.random.Int64N(int64(within) + 1)) }
	switch way := k.random.IntN(4); {
	case k.halves && way < 2:
		// The plugin ends the process with some units half done.
		line.dying.Store(true)
		command(k.t, k.control, order{Behaviour: "half-abort", On: []string{"apply"}, Match: fmt.Sprint(k.random.IntN(10)) + "."})
		defer command(k.t, k.control, "healthy")
	case way == 3:
		time.AfterFunc(moment(k.loopTime), die)
	default:
		delay := moment(k.applyTime)
		line.onApply = sync.OnceFunc(func() { time.AfterFunc(delay, die) })
	}
	_, err := l.Run(k.t.Context(), statesOf(round+1))
	if err != nil && !soft(err) && !line.dying.Load() {
		k.t.Fatalf("round %d: the loop would end, though the daemon lives: %v", round, err)
	}
	die()
}

// whole demands that each name has what it had or what it was to have, with
// the ownership that belongs to it and no other.
func (k *killing) whole(round int) {
	k.t.Helper()
	found := map[string][]string{}
	for _, listed := range k.list() {
		of, what := listed.Name, listed.Type+" "+strings.Join(listed.Targets, " ")
		if listing.IsOwnership(listed) {
			kind, owned, _ := strings.Cut(listed.Name, "-")
			of, what = owned, "ownership of "+kind
		}
		found[of] = append(found[of], what)
	}
	var faults []string
	for number := range killChanges {
		name := fmt.Sprintf("n%04d.example.test", number)
		got := found[name]
		slices.Sort(got)
		before, after := contents(stateOf(number, round)), contents(stateOf(number, round+1))
		if !slices.Equal(got, before) && !slices.Equal(got, after) {
			faults = append(faults, fmt.Sprintf("%s has %q, neither %q nor %q", name, got, before, after))
		}
		delete(found, name)
	}
	for name, got := range found {
		faults = append(faults, fmt.Sprintf("%s has %q, and was never wanted", name, got))
	}
	if len(faults) > 0 {
		k.t.Fatalf("round %d left units half done:\n%s", round, shorten(faults))
	}
}

// contents is what a wanted record means for the list, in order.
func contents(wanted *endpoint.Endpoint) []string {
	if wanted == nil {
		return nil
	}
	both := []string{
		wanted.RecordType + " " + strings.Join(wanted.Targets, " "),
		"ownership of " + strings.ToLower(wanted.RecordType),
	}
	slices.Sort(both)
	return both
}

func (k *killing) list() []listing.Record {
	k.t.Helper()
	listed, err := listing.Get(k.t.Context(), k.daemon.URL())
	if err != nil {
		k.t.Fatal(err)
	}
	return listed
}

// converge is the loop of a new ExternalDNS, and a second that is quiet.
func (k *killing) converge(l *loop.Loop, line *mortal, round int) {
	k.t.Helper()
	desired := statesOf(round)
	started := time.Now()
	applying := started
	line.onApply = func() { applying = time.Now() }
	changes, err := l.Run(k.t.Context(), desired)
	if err != nil {
		k.t.Fatalf("round %d: the loop after the restart: %v", round, err)
	}
	if len(changes.Create)+len(changes.UpdateNew)+len(changes.Delete) > killChanges/2 {
		k.loopTime, k.applyTime = time.Since(started), time.Since(applying)
	}
	changes, err = l.Plan(k.t.Context(), desired)
	if err != nil {
		k.t.Fatalf("round %d: the second loop: %v", round, err)
	}
	if changes.HasChanges() {
		k.t.Fatalf("round %d: the second loop is not quiet:\n%s", round, describe(changes))
	}
	ownership, others := listing.Split(k.list())
	if lines := listing.Difference(records(desired), others); len(lines) > 0 {
		k.t.Fatalf("round %d: not what was desired:\n%s", round, shorten(lines))
	}
	if len(ownership) != len(desired) {
		k.t.Fatalf("round %d: %d ownership records for %d records", round, len(ownership), len(desired))
	}
}

// readJournal demands that all that the dead process wrote are whole lines of
// JSON, but for the last.
func (k *killing) readJournal() {
	k.t.Helper()
	file, err := os.Open(k.daemon.State("journal", "journal.jsonl"))
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(k.read, io.SeekStart); err != nil {
		k.t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		k.t.Fatal(err)
	}
	k.read += int64(len(text))
	lines := strings.Split(string(text), "\n")
	// What follows the last line break: nothing, or a line that was being written.
	for _, line := range lines[:len(lines)-1] {
		if line != "" && !json.Valid([]byte(line)) {
			k.t.Fatalf("the journal has a line that is no JSON: %s", line)
		}
	}
}

// readLog demands that no process found anything that was damaged.
func (k *killing) readLog() {
	k.t.Helper()
	for line := range strings.Lines(k.daemon.Log()) {
		for _, word := range []string{"refused", "damaged", "panicked", "broke off", "can't be mended"} {
			if strings.Contains(line, word) {
				k.t.Errorf("a process after a crash says: %s", line)
			}
		}
	}
}

// mortal is the line to a daemon that is about to be killed. Until then each
// call must be answered as ExternalDNS survives it.
type mortal struct {
	t       *testing.T
	next    http.RoundTripper
	onApply func()
	dying   atomic.Bool
}

func (m *mortal) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/records") && m.onApply != nil {
		m.onApply()
	}
	answer, err := m.next.RoundTrip(request)
	switch {
	case err != nil && !m.dying.Load():
		m.t.Errorf("%s %s: no answer, though the daemon lives: %v", request.Method, request.URL.Path, err)
	case err == nil && answer.StatusCode >= 300 && answer.StatusCode < 500:
		m.t.Errorf("%s %s: status %d would end ExternalDNS", request.Method, request.URL.Path, answer.StatusCode)
	}
	return answer, err
}
