package conformance

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/provider"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// A password with what a URL and the header's own form could trip over.
const (
	viewUser     = "externaldns"
	viewPassword = "a:b@c/d?e%f ü"
)

// splitHorizon serves one zone twice: at "/" to anyone, and at "/internal" from
// another backend to who has a password.
func splitHorizon() daemon.Config {
	return daemon.Config{
		Backends: map[string]daemon.Backend{
			"outside": daemon.Memory("example.test"),
			"inside":  daemon.Memory("example.test", "corp.example.net"),
		},
		Views: map[string]daemon.View{
			"public": {Path: "/", Backends: []string{"outside"}},
			"internal": {
				Path: "/internal", Backends: []string{"inside"},
				User: viewUser, Passwords: []string{viewPassword, "the-next-one"},
			},
		},
	}
}

// internalURL is what an operator gives to ExternalDNS for the second view.
func internalURL(running *daemon.Daemon, password string) string {
	provider := url.URL{
		Scheme: "http", User: url.UserPassword(viewUser, password), Host: running.Host(), Path: "/internal",
	}
	return provider.String()
}

// withoutCredentials is what a changed password is like for a client that runs.
type withoutCredentials struct{ next http.RoundTripper }

func (w withoutCredentials) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.SetBasicAuth(viewUser, "wrong")
	return w.next.RoundTrip(request)
}

// startViews starts a daemon whose exchanges are recorded, and checked below
// the path of whichever view they are for.
func startViews(t *testing.T, check exchange.Check) *world {
	t.Helper()
	running := daemon.Start(t, subject, splitHorizon())
	transport := exchange.NewTransport()
	recorder := exchange.NewRecorder(transport, check)
	switchboard.Connect(running.Host(), recorder)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		for _, fault := range recorder.Faults() {
			t.Error(fault)
		}
	})
	return &world{t: t, daemon: running, recorder: recorder, loops: map[string]*loop.Loop{}}
}

func belowItsView(seen exchange.Exchange) []string {
	seen.Path = cmp.Or(strings.TrimPrefix(seen.Path, "/internal"), "/")
	return current.Check(seen)
}

func (w *world) loopAt(provider string) *loop.Loop {
	w.t.Helper()
	made, err := loop.New(w.context(), provider, loop.Options{})
	if err != nil {
		w.t.Fatalf("negotiation: %v", err)
	}
	return made
}

// listsAt demands that a view lists these records beside their ownership.
func (w *world) listsAt(view string, desired []*endpoint.Endpoint) {
	w.t.Helper()
	listed, err := listing.Get(w.context(), view)
	if err != nil {
		w.t.Fatal(err)
	}
	owned, others := listing.Split(listed)
	expectSame(w.t, records(desired), others)
	if len(owned) != len(desired) {
		w.t.Fatalf("%d ownership records of %d records", len(owned), len(desired))
	}
}

// Two unmodified clients with one zone and two truths, one of them behind a password.
func TestSplitHorizonWithAPassword(t *testing.T) {
	t.Parallel()
	w := startViews(t, belowItsView)
	outside, inside := w.loopAt(w.daemon.URL()), w.loopAt(internalURL(w.daemon, viewPassword))
	for _, step := range []struct{ outside, inside []*endpoint.Endpoint }{
		{
			endpoints(record("www.example.test", "A", 300, "192.0.2.1")),
			endpoints(record("www.example.test", "A", 300, "198.51.100.1"), record("db.corp.example.net", "A", 60, "198.51.100.2")),
		},
		{
			endpoints(record("www.example.test", "CNAME", 300, "cdn.example.org")),
			endpoints(record("www.example.test", "A", 300, "198.51.100.9")),
		},
		{nil, endpoints(record("www.example.test", "A", 300, "198.51.100.9"))},
		{nil, nil},
	} {
		w.run(outside, step.outside)
		w.run(inside, step.inside)
		w.quiet(outside, step.outside)
		w.quiet(inside, step.inside)
		w.listsAt(w.daemon.URL(), step.outside)
		w.listsAt(internalURL(w.daemon, viewPassword), step.inside)
	}
	if calls := w.recorder.Count("POST", "/internal/records"); calls == 0 {
		t.Error("no change went through the second view")
	}
}

// While passwords are rotated, clients with either work side by side.
func TestEitherPasswordWhileRotating(t *testing.T) {
	t.Parallel()
	w := startViews(t, belowItsView)
	desired := endpoints(record("www.example.test", "A", 300, "192.0.2.1"))
	w.run(w.loopAt(internalURL(w.daemon, viewPassword)), desired)
	w.quiet(w.loopAt(internalURL(w.daemon, "the-next-one")), desired)
}

// ExternalDNS does not survive a wrong password, and does not try it again: no
// 4xx is a soft error to it. That is documented, and what an operator wants to see.
func TestAWrongPasswordEndsExternalDNS(t *testing.T) {
	t.Parallel()
	w := startViews(t, nil)
	for _, wrong := range []string{internalURL(w.daemon, "wrong"), w.daemon.URL() + "/internal"} {
		before := w.recorder.Count("GET", "/internal")
		_, err := loop.New(w.context(), wrong, loop.Options{})
		if err == nil {
			t.Fatal("negotiated with a wrong password")
		}
		if tries := w.recorder.Count("GET", "/internal") - before; tries != 1 {
			t.Errorf("negotiation was tried %d times: %v", tries, err)
		}
	}

	// A password that is taken away under a running client.
	running := w.loopAt(internalURL(w.daemon, viewPassword))
	exchanges := len(w.recorder.Exchanges())
	switchboard.Connect(w.daemon.Host(), withoutCredentials{w.recorder})
	_, err := running.Run(w.context(), nil)
	if err == nil || errors.Is(err, provider.SoftError) {
		t.Errorf("the loop went on with %v", err)
	}
	seen := w.recorder.Exchanges()[exchanges:]
	if len(seen) != 1 || seen[0].Status != 401 || len(seen[0].ResponseBody) == 0 {
		t.Errorf("exchanges: %v", seen)
	}
}
