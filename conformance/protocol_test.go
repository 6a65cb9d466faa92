package conformance

import (
	"net/http"
	"slices"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
	"zonemux.example/conformance/internal/openapi"
)

// What the real client puts on the wire is what the protocol's description
// says, and the recorder sees all of it.
func TestWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	w.settle(w.loop(loop.Options{}), endpoints(record("www.example.test", "A", 300, "192.0.2.1")))
	var calls []string
	for _, seen := range w.recorder.Exchanges() {
		call := seen.Method + " " + seen.Path
		calls = append(calls, call)
		if accept, want := seen.RequestHeader.Get("Accept"), call != "POST /records"; (accept == openapi.MediaType) != want {
			t.Errorf("%s: Accept is %q", call, accept)
		}
		if contentType, want := seen.RequestHeader.Get("Content-Type"), seen.Method == http.MethodPost; (contentType == openapi.MediaType) != want {
			t.Errorf("%s: Content-Type is %q", call, contentType)
		}
		if want := map[bool]int{true: http.StatusNoContent, false: http.StatusOK}[call == "POST /records"]; seen.Status != want {
			t.Errorf("%s: status %d, expected %d", call, seen.Status, want)
		}
	}
	want := []string{"GET /", "GET /records", "POST /adjustendpoints", "POST /records", "GET /records", "POST /adjustendpoints"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, expected %q", calls, want)
	}
}

// A source without endpoints makes the client send null and [].
func TestNothingToAdjust(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	l := w.loop(loop.Options{})
	for _, nothing := range []struct {
		wire      string
		endpoints []*endpoint.Endpoint
	}{{"null\n", nil}, {"[]\n", endpoints()}} {
		adjusted, err := l.Provider.AdjustEndpoints(nothing.endpoints)
		if err != nil || len(adjusted) != 0 {
			t.Errorf("%q: %v, %v", nothing.wire, adjusted, err)
		}
		seen := w.recorder.Exchanges()
		if sent := string(seen[len(seen)-1].RequestBody); sent != nothing.wire {
			t.Errorf("the client sent %q, expected %q", sent, nothing.wire)
		}
	}
}

// A large list comes compressed to a client that can read it, with the same
// content, and uncompressed to one that can't. Over loopback, as here, only where
// the operator wants it.
func TestCompressedListing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends(), Gzip: "always"})
	desired := thousand(1)
	w.settle(w.loop(loop.Options{}), desired)
	get := func(encoding string) (string, []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(w.context(), http.MethodGet, w.daemon.URL()+"/records", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", openapi.MediaType)
		transport := exchange.NewTransport()
		defer transport.CloseIdleConnections()
		if encoding != "gzip" {
			request.Header.Set("Accept-Encoding", encoding)
		}
		recorder := exchange.NewRecorder(transport, nil)
		answer, err := recorder.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		used := answer.Header.Get("Content-Encoding")
		if answer.Uncompressed {
			used = "gzip"
		}
		return used, recorder.Exchanges()[0].ResponseBody
	}
	encoding, unpacked := get("gzip")
	if encoding != "gzip" {
		t.Errorf("a client that reads gzip gets a large list in %q", encoding)
	}
	encoding, plain := get("identity")
	if encoding != "" && encoding != "identity" {
		t.Errorf("a client that asked for identity gets %q", encoding)
	}
	one, err := listing.Decode(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	other, err := listing.Decode(plain)
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != 2*len(desired) {
		t.Errorf("%d records listed, expected %d and their ownership", len(one), len(desired))
	}
	expectSame(t, one, other)
}

// An answer that the checks of this suite must not let pass; else its silence
// about the daemon would say nothing.
func TestChecksBite(t *testing.T) {
	t.Parallel()
	good := exchange.Exchange{
		Method: http.MethodGet, Path: "/records", Status: http.StatusOK,
		RequestHeader:  http.Header{"Accept": {openapi.MediaType}},
		ResponseHeader: http.Header{"Content-Type": {openapi.MediaType}},
		ResponseBody:   []byte(`[{"dnsName":"a.test","recordType":"A","recordTTL":300,"targets":["192.0.2.1"]}]`),
	}
	if faults := current.Check(good); len(faults) != 0 {
		t.Fatalf("a good answer is refused: %q", faults)
	}
	for name, spoil := range map[string]func(*exchange.Exchange){
		"charset": func(e *exchange.Exchange) { e.ResponseHeader.Set("Content-Type", openapi.MediaType+";charset=utf-8") },
		"space": func(e *exchange.Exchange) {
			e.ResponseHeader.Set("Content-Type", "application/external.dns.webhook+json; version=1")
		},
		"plain JSON":      func(e *exchange.Exchange) { e.ResponseHeader.Set("Content-Type", "application/json") },
		"object":          func(e *exchange.Exchange) { e.ResponseBody = []byte(`{}`) },
		"null":            func(e *exchange.Exchange) { e.ResponseBody = []byte(`null`) },
		"null inside":     func(e *exchange.Exchange) { e.ResponseBody = []byte(`[null]`) },
		"empty body":      func(e *exchange.Exchange) { e.ResponseBody = nil },
		"half a body":     func(e *exchange.Exchange) { e.ResponseBody = e.ResponseBody[:30] },
		"two documents":   func(e *exchange.Exchange) { e.ResponseBody = []byte(`[][]`) },
		"TTL 300.0":       func(e *exchange.Exchange) { e.ResponseBody = []byte(`[{"recordTTL":300.0}]`) },
		"TTL 3e2":         func(e *exchange.Exchange) { e.ResponseBody = []byte(`[{"recordTTL":3e2}]`) },
		"TTL text":        func(e *exchange.Exchange) { e.ResponseBody = []byte(`[{"recordTTL":"300"}]`) },
		"unknown key":     func(e *exchange.Exchange) { e.ResponseBody = []byte(`[{"ttl":300}]`) },
		"one key twice":   func(e *exchange.Exchange) { e.ResponseBody = []byte(`[{"dnsName":"a"},{"dnsName":"a"}]`) },
		"status 404":      func(e *exchange.Exchange) { e.Status = http.StatusNotFound },
		"status 201":      func(e *exchange.Exchange) { e.Status = http.StatusCreated },
		"status 302":      func(e *exchange.Exchange) { e.Status = http.StatusFound },
		"status 502":      func(e *exchange.Exchange) { e.Status = http.StatusBadGateway },
		"silent failure":  func(e *exchange.Exchange) { e.Status, e.ResponseBody = http.StatusServiceUnavailable, nil },
		"unknown path":    func(e *exchange.Exchange) { e.Path = "/record" },
		"filters":         func(e *exchange.Exchange) { e.Path, e.ResponseBody = "/", []byte(`{"filters":["a.test"]}`) },
		"request garbled": func(e *exchange.Exchange) { e.Method, e.Path = http.MethodPost, "/adjustendpoints" },
	} {
		spoilt := good
		spoilt.ResponseHeader = good.ResponseHeader.Clone()
		spoilt.ResponseBody = slices.Clone(good.ResponseBody)
		spoil(&spoilt)
		if len(current.Check(spoilt)) == 0 {
			t.Errorf("%s: let through", name)
		}
	}
	old := exchange.Exchange{
		Method: http.MethodPost, Path: "/records", Status: http.StatusNoContent,
		RequestHeader:  http.Header{"Content-Type": {openapi.MediaType}},
		RequestBody:    []byte(`{"Create":null,"UpdateOld":[],"UpdateNew":[],"Delete":[{"dnsName":"a.test"}]}`),
		ResponseHeader: http.Header{},
	}
	if faults := historic.Check(old); len(faults) != 0 {
		t.Errorf("the old spelling is refused where old clients are replayed: %q", faults)
	}
	if len(current.Check(old)) == 0 {
		t.Error("the old spelling is let through where today's client speaks")
	}
}
