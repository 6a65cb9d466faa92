package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// command tells the flaky plugin what to do. Its file is replaced in one step,
// since the plugin may read it at any time.
func command(t testing.TB, file string, behaviour any) {
	t.Helper()
	text, err := json.Marshal(behaviour)
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := behaviour.(string); ok {
		text = []byte(name + "\n")
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// order is what the flaky plugin reads from its file.
type order struct {
	Behaviour string   `json:"behaviour"`
	On        []string `json:"on,omitempty"`
	Delay     int      `json:"delay,omitempty"`
	Match     string   `json:"match,omitempty"`
	Type      string   `json:"type,omitempty"`
}

// callsOf counts what the flaky plugin was called for, from its file of calls.
func callsOf(t testing.TB, file, operation string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, operation+" ") {
			count++
		}
	}
	return count
}

// softly is one loop that may fail, but not so that ExternalDNS would end.
func (w *world) softly(l *loop.Loop, desired []*endpoint.Endpoint) error {
	w.t.Helper()
	_, err := l.Run(w.context(), desired)
	if !soft(err) {
		w.t.Fatalf("the loop would end: %v", err)
	}
	return err
}

// refuses demands that changes get a soft error.
func (w *world) refuses(l *loop.Loop, changes *plan.Changes, why string) {
	w.t.Helper()
	err := l.Provider.ApplyChanges(w.context(), changes)
	switch {
	case err == nil:
		w.t.Fatalf("changes were confirmed, though %s", why)
	case !soft(err):
		w.t.Fatalf("the loop would end: %v", err)
	}
}

// expectListed demands that these records are listed, and no others beside
// ownership.
func (w *world) expectListed(want []*endpoint.Endpoint) {
	w.t.Helper()
	_, others := listing.Split(w.listed())
	expectSame(w.t, records(want), others)
}

// entry is a line of the journal, as far as tests look at it.
type entry struct {
	Time      string `json:"time"`
	View      string `json:"view"`
	Backend   string `json:"backend"`
	Action    string `json:"action"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason"`
	RequestID string `json:"request_id"`
	Repeats   int    `json:"repeats"`
}

// journal reads the lines of the journal, each of which must be JSON.
func journal(t testing.TB, running *daemon.Daemon) []entry {
	t.Helper()
	text, err := os.ReadFile(running.State("journal", "journal.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var entries []entry
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var read entry
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			t.Fatalf("the journal has a line that is no JSON: %v\n%s", err, lines.Text())
		}
		entries = append(entries, read)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// about are the lines on one record with one outcome.
func about(entries []entry, name, outcome string) []entry {
	var found []entry
	for _, read := range entries {
		if read.Name == name && read.Outcome == outcome {
			found = append(found, read)
		}
	}
	return found
}
