package conformance

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/controller"
	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
	"zonemux.example/conformance/internal/zone"
)

// whole is the whole ExternalDNS program in front of a daemon, with a proxy
// between the two that counts and checks.
type whole struct {
	t        *testing.T
	daemon   *daemon.Daemon
	source   *controller.Source
	program  *controller.Controller
	recorder *exchange.Recorder
	options  loop.Options
}

func startWhole(t *testing.T, config daemon.Config) *whole {
	t.Helper()
	executable, err := controller.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{
		t:       t,
		daemon:  daemon.Start(t, subject, config),
		source:  controller.NewSource(t),
		options: loop.Options{Owner: "controller", Prefix: "x-%{record_type}."},
	}
	transport := exchange.NewTransport()
	w.recorder = exchange.NewRecorder(transport, current.Check)
	target, err := url.Parse(w.daemon.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			// The recorder reads bodies; Go asks for gzip by itself, and unpacks.
			request.Out.Header.Del("Accept-Encoding")
		},
		Transport: w.recorder,
	})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
		for _, fault := range w.recorder.Faults() {
			t.Error(fault)
		}
	})
	w.program = controller.Start(t, executable, w.source.Address(), proxy.URL,
		append([]string{
			"--txt-owner-id=" + w.options.Owner,
			"--txt-prefix=" + w.options.Prefix,
			"--policy=sync",
		}, managed()...)...)
	return w
}

func managed() (flags []string) {
	// What v0.21 lets an operator manage.
	for _, kind := range []string{"A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS", "NAPTR", "PTR"} {
		flags = append(flags, "--managed-record-types="+kind)
	}
	return flags
}

// How many whole loops without a change make a quiet controller.
const quietLoops = 3

// reach waits until the daemon lists what the source now says, and demands that
// from then on the controller asks for no change.
func (w *whole) reach(what string, desired []*endpoint.Endpoint) {
	w.t.Helper()
	const limit = 30 * time.Second
	w.source.Desire(copies(desired))
	var owned []listing.Record
	var lines []string
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		w.program.Alive(w.t)
		listed, err := listing.Get(w.t.Context(), w.daemon.URL())
		if err != nil {
			w.t.Fatalf("%s: %v", what, err)
		}
		var others []listing.Record
		owned, others = listing.Split(listed)
		if lines = listing.Difference(records(desired), others); len(lines) == 0 && len(owned) == len(desired) {
			break
		}
		if time.Since(start) > limit {
			w.t.Fatalf("%s: not reached within %s, %d ownership records:\n%s", what, limit, len(owned), shorten(lines))
		}
	}
	w.owned(what, desired, owned)

	// The loop that made the last change may still be at it. When the source is asked twice more, it is over.
	w.loops(what, 2)
	writes := w.recorder.Count("POST", "/records")
	w.loops(what, quietLoops)
	if more := w.recorder.Count("POST", "/records") - writes; more != 0 {
		w.t.Fatalf("%s: %d more changes asked for after all was done", what, more)
	}
}

// loops waits until the controller has begun so many more loops.
func (w *whole) loops(what string, count int) {
	w.t.Helper()
	until := w.source.Served() + count
	for start := time.Now(); w.source.Served() < until; time.Sleep(20 * time.Millisecond) {
		w.program.Alive(w.t)
		if time.Since(start) > 30*time.Second {
			w.t.Fatalf("%s: the controller has stopped looping", what)
		}
	}
}

// owned demands the ownership records of the desired ones, by name.
func (w *whole) owned(what string, desired []*endpoint.Endpoint, owned []listing.Record) {
	w.t.Helper()
	var want, got []string
	for _, wanted := range desired {
		want = append(want, listing.CanonicalName(ownershipName(w.options, wanted.RecordType, wanted.DNSName)))
	}
	for _, record := range owned {
		got = append(got, listing.CanonicalName(record.Name))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		w.t.Fatalf("%s: ownership of %q, expected %q", what, got, want)
	}
}

// The whole ExternalDNS program through the life of a zone.
func TestWholeController(t *testing.T) {
	t.Parallel()
	w := startWhole(t, daemon.Config{Backends: map[string]daemon.Backend{
		"a": daemon.Memory("example.test"), "b": daemon.Memory("example.net")}})
	created := endpoints(
		record("www.example.test", "A", 300, "192.0.2.1"),
		record("example.test", "A", 300, "192.0.2.2"),
		record("*.wild.example.test", "A", 300, "192.0.2.3"),
		record("six.example.test", "AAAA", 300, "2001:db8::1"),
		record("alias.example.test", "CNAME", 300, "www.example.test"),
		record("mail.example.test", "MX", 300, "10 www.example.test"),
		record("_sip._tcp.example.test", "SRV", 300, "10 5 5060 www.example.test."),
		record("set.example.test", "A", 300, "192.0.2.4").WithSetIdentifier("blue"),
		record("set.example.test", "A", 300, "192.0.2.5").WithSetIdentifier("green"),
		record("comment.example.test", "A", 300, "192.0.2.6").WithProviderSpecific("webhook/comment", "hello"),
		record("nottl.example.test", "A", 0, "192.0.2.7"),
		record("www.example.net", "A", 300, "192.0.2.8"))
	w.reach("create", created)

	changed := copies(created)
	changed[0].Targets = endpoint.Targets{"192.0.2.11", "192.0.2.12"}
	changed[3].RecordTTL = 60
	changed[8].Targets = endpoint.Targets{"192.0.2.15"}
	changed[9].ProviderSpecific[0].Value = "good bye"
	w.reach("change", changed)

	retyped := copies(changed)
	retyped[0] = record("www.example.test", "CNAME", 300, "www.example.net")
	retyped[4] = record("alias.example.test", "A", 300, "192.0.2.16")
	w.reach("retype", retyped)

	w.reach("a thousand records", append(copies(retyped), thousand(1)...))
	w.reach("another thousand", append(copies(retyped), thousand(2)...))
	w.reach("delete most", retyped[:2])
	w.reach("delete all", endpoints())
	// Last, because this version can't read its own ownership of a TXT again: it
	// creates the record, and from then on takes it for someone else's.
	w.reach("a user's text", endpoints(raw("note.example.test", "TXT", 300, `v=spf1 include:example.org -all; "quoted"`)))
}

// The whole program goes on when its backend fails, and when it recovers.
func TestWholeControllerSurvivesFailures(t *testing.T) {
	t.Parallel()
	control := filepath.Join(t.TempDir(), "behaviour")
	behave := func(behaviour string) {
		t.Helper()
		command(t, control, behaviour)
	}
	behave("healthy")
	everything := misbehaviour{on: []string{"records", "apply", "adjust"}}
	w := startWhole(t, daemon.Config{Deadline: deadline, Backends: everything.backends(control)})
	desired := endpoints(record("www.example.test", "A", 300, "192.0.2.1"))
	w.reach("create", desired)
	for _, behaviour := range []string{"fail", "panic"} {
		behave(behaviour)
		// Its list is served from before; what is to change there has to wait.
		desired = append(copies(desired), record(behaviour+".example.test", "A", 300, "192.0.2.2"))
		w.source.Desire(copies(desired))
		failures := len(w.failures())
		for start := time.Now(); len(w.failures()) < failures+2; time.Sleep(50 * time.Millisecond) {
			w.program.Alive(t)
			if time.Since(start) > 30*time.Second {
				t.Fatalf("%s: the controller met no failure", behaviour)
			}
		}
		behave("healthy")
		w.reach("after "+behaviour, desired)
	}
}

// failures are the exchanges that did not work.
func (w *whole) failures() (failed []exchange.Exchange) {
	for _, seen := range w.recorder.Exchanges() {
		if seen.Status >= 500 {
			failed = append(failed, seen)
		}
	}
	return failed
}

// What the whole program asks for is answered by the server that zonemux itself
// is, also after the daemon has ended, in good order or not.
func TestWholeControllerAnswered(t *testing.T) {
	t.Parallel()
	at := authority().open(t, []string{"example.test"})
	w := startWhole(t, daemon.Config{Backends: map[string]daemon.Backend{"a": at.backend}})
	ask := func() *dns.Msg {
		t.Helper()
		await(t, at.server, "example.test")
		answer, err := zone.Ask(at.server, "www.example.test", dns.TypeA)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	answered := func(want string) {
		t.Helper()
		lines := zone.Lines(zone.Answered(ask()))
		if !slices.Equal(lines, []string{"www.example.test.\t300\tIN\tA\t" + want}) {
			t.Fatalf("expected %s, answered is %q", want, lines)
		}
	}
	desired := func(address string) []*endpoint.Endpoint {
		return endpoints(record("www.example.test", "A", 300, address))
	}
	w.reach("create", desired("192.0.2.1"))
	answered("192.0.2.1")
	w.daemon.Restart(t)
	answered("192.0.2.1")
	w.reach("change", desired("192.0.2.2"))
	answered("192.0.2.2")
	w.daemon.KillAndRestart(t)
	answered("192.0.2.2")
	w.reach("delete", endpoints())
	if answer := ask(); answer.Rcode != dns.RcodeNameError {
		t.Fatalf("expected NXDOMAIN:\n%s", answer)
	}
}
