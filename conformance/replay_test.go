package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/model"
)

// sample is one recorded request.
type sample struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	// Status is what the recording provider answered.
	Status int `json:"status"`
}

// What controllers of six versions sent, sent again. After each POST /records
// the daemon must list exactly what a small model of its own says.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, version := range []struct {
		name string
		// pascal says that the version spells the lists Create, UpdateOld and so on.
		pascal bool
		// foreign says that the version sends properties of other providers.
		foreign bool
	}{
		{"v0.14.2", true, true}, {"v0.16.1", true, true}, {"v0.18.0", false, true},
		{"v0.20.0", false, true}, {"v0.21.0", false, false}, {"main", false, false},
	} {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			samples := readSamples(t, version.name)
			r := replay{t: t, daemon: daemon.Start(t, subject, daemon.Config{Backends: defaultBackends()}), zone: model.New()}
			transport := exchange.NewTransport()
			recorder := exchange.NewRecorder(transport, historic.Check)
			r.client = http.Client{Transport: recorder}
			t.Cleanup(transport.CloseIdleConnections)
			for number, request := range samples {
				r.number = number + 1
				r.send(request)
			}
			for _, fault := range recorder.Faults() {
				t.Error(fault)
			}
			r.complete(version.pascal, version.foreign)
			r.expect(nil)
		})
	}
}

// replay is one session.
type replay struct {
	t      *testing.T
	daemon *daemon.Daemon
	client http.Client
	zone   *model.Zone
	number int

	// What has come by, to know that the recording holds what it is kept for.
	pascal, foreign, sets, plainText, ownProperties, updates, retype bool
}

func (r *replay) send(request sample) {
	r.t.Helper()
	call, err := http.NewRequest(request.Method, r.daemon.URL()+request.Path, strings.NewReader(request.Body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range request.Headers {
		// Both are added by Go itself, with the same values.
		if name != "Content-Length" && name != "Accept-Encoding" {
			call.Header.Set(name, value)
		}
	}
	answer, err := r.client.Do(call)
	if err != nil {
		r.t.Fatalf("request %d: %v", r.number, err)
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		r.t.Fatalf("request %d: %v", r.number, err)
	}
	if answer.StatusCode != request.Status {
		r.t.Fatalf("request %d, %s %s: status %d, expected %d: %s", r.number, request.Method, request.Path, answer.StatusCode, request.Status, body)
	}
	switch request.Method + " " + request.Path {
	case "GET /":
		var filter struct{ Include []string }
		if err := json.Unmarshal(body, &filter); err != nil || len(filter.Include) != 1 || filter.Include[0] != "example.test" {
			r.t.Fatalf("request %d: domain filter %s", r.number, body)
		}
	case "GET /records":
		listed, err := listing.Decode(body)
		if err != nil {
			r.t.Fatalf("request %d: %v", r.number, err)
		}
		expectSame(r.t, r.zone.Records(), listed)
	case "POST /adjustendpoints":
		r.adjusted([]byte(request.Body), body)
	case "POST /records":
		r.changed([]byte(request.Body))
	default:
		r.t.Fatalf("request %d: %s %s is none of the protocol's", r.number, request.Method, request.Path)
	}
}

// adjusted demands that the answer has the endpoints that were sent. Properties
// of other providers may be stripped, those for webhooks may not.
func (r *replay) adjusted(sent, answered []byte) {
	r.t.Helper()
	r.foreign = r.foreign || bytes.Contains(sent, []byte(`"aws/weight"`))
	decode := func(body []byte) []listing.Record {
		list, err := listing.Decode(body)
		if err != nil {
			r.t.Fatalf("request %d: %v", r.number, err)
		}
		for _, element := range list {
			for name := range element.Properties {
				if !strings.HasPrefix(name, "webhook/") {
					delete(element.Properties, name)
				}
			}
		}
		return list
	}
	expectSame(r.t, decode(sent), decode(answered))
}

func (r *replay) changed(body []byte) {
	r.t.Helper()
	r.pascal = r.pascal || bytes.Contains(body, []byte(`"Create":`))
	changes, err := model.DecodeChanges(body)
	if err != nil {
		r.t.Fatalf("request %d: %v", r.number, err)
	}
	for _, created := range changes.Create {
		r.sets = r.sets || created.SetIdentifier != ""
		r.plainText = r.plainText || created.Type == "TXT" && !strings.HasPrefix(created.Targets[0], `"`)
		r.ownProperties = r.ownProperties || listing.IsOwnership(created) && created.Properties["webhook/comment"] != ""
	}
	r.updates = r.updates || len(changes.UpdateNew) > 0
	r.retype = r.retype || len(changes.Create) > 0 && len(changes.Delete) > 0
	if err := r.zone.Apply(changes); err != nil {
		r.t.Fatalf("request %d: %v", r.number, err)
	}
	r.expect(r.zone.Records())
}

func (r *replay) expect(want []listing.Record) {
	r.t.Helper()
	listed, err := listing.Get(r.t.Context(), r.daemon.URL())
	if err != nil {
		r.t.Fatalf("after request %d: %v", r.number, err)
	}
	expectSame(r.t, want, listed)
}

// complete demands that the recording showed what it is kept for.
func (r *replay) complete(pascal, foreign bool) {
	r.t.Helper()
	for what, seen := range map[string]bool{
		"the version's spelling of the lists":       r.pascal == pascal,
		"properties of other providers, as by then": r.foreign == foreign,
		"set identifiers":                           r.sets,
		"a user's TXT without quotes":               r.plainText,
		"an ownership TXT with properties":          r.ownProperties,
		"updates":                                   r.updates,
		"a change of type":                          r.retype,
	} {
		if !seen {
			r.t.Errorf("the recording lacks %s", what)
		}
	}
}

func readSamples(t *testing.T, version string) []sample {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "samples", "external-dns-"+version+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for line := range bytes.Lines(data) {
		var one sample
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, one)
	}
	if len(samples) < 10 {
		t.Fatalf("%d requests are no session", len(samples))
	}
	return samples
}
