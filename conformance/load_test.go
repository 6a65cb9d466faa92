package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/openapi"
)

const (
	// manyConnections at once ask for a small list.
	manyConnections = 500
	// manyReaders at once ask for a list of so many records.
	manyReaders = 64
	loadRecords = 100_000
	// listMemory bounds, in bytes, what so many readers may cost beside what the
	// daemon takes when one has read: the list is encoded once, and shared.
	// docs/operating.md names it.
	listMemory = 32 << 20
)

// Each of 500 connections that come at once is answered.
func TestManyConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	w.apply(&plan.Changes{Create: endpoints(record("www.example.test", "A", 300, "192.0.2.1"))})
	atOnce(t, manyConnections, func(client *http.Client) error {
		body, err := readList(w.context(), client, w.daemon.URL())
		if err == nil && !bytes.Contains(body, []byte("www.example.test")) {
			err = fmt.Errorf("a list without its record: %s", body)
		}
		return err
	})
}

// So many readers of a large list share one encoded body.
func TestManyReadersOfALargeList(t *testing.T) {
	w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{
		"lan": daemon.Memory("example.test").With("file", filepath.Join(t.TempDir(), "records")),
	}, LogLevel: "warn"})
	create(t, w.daemon, loadRecords)
	var size int
	one := func(client *http.Client) error {
		body, err := readList(w.context(), client, w.daemon.URL())
		if err == nil && bytes.Count(body, []byte("dnsName")) != loadRecords {
			err = fmt.Errorf("%d records are listed", bytes.Count(body, []byte("dnsName")))
		}
		size = len(body)
		return err
	}
	// What loading it took is not the question.
	w.daemon.Restart(t)
	atOnce(t, 1, one)
	resetPeak(t, w.daemon.PID())
	atOnce(t, 1, one)
	alone := peak(t, w.daemon.PID())
	resetPeak(t, w.daemon.PID())
	atOnce(t, manyReaders, func(client *http.Client) error {
		body, err := readList(w.context(), client, w.daemon.URL())
		if err == nil && len(body) != size {
			err = fmt.Errorf("%d bytes, expected %d", len(body), size)
		}
		return err
	})
	all := peak(t, w.daemon.PID())
	t.Logf("a list of %d bytes: peak of one reader %d MiB, of %d readers %d MiB", size, alone>>20, manyReaders, all>>20)
	if all > alone+listMemory {
		t.Fatalf("%d readers took %d MiB, one takes %d MiB: more than %d MiB apart",
			manyReaders, all>>20, alone>>20, listMemory>>20)
	}
}

// atOnce runs so many at the same time, each with a connection of its own.
func atOnce(t *testing.T, count int, do func(*http.Client) error) {
	t.Helper()
	start := make(chan struct{})
	errors := make(chan error, count)
	var all sync.WaitGroup
	for range count {
		all.Add(1)
		go func() {
			defer all.Done()
			transport := exchange.NewTransport()
			defer transport.CloseIdleConnections()
			<-start
			errors <- do(&http.Client{Transport: transport, Timeout: time.Minute})
		}()
	}
	close(start)
	all.Wait()
	close(errors)
	failed := 0
	for err := range errors {
		if err == nil {
			continue
		}
		if failed++; failed <= 5 {
			t.Error(err)
		}
	}
	if failed > 0 {
		t.Fatalf("%d of %d failed", failed, count)
	}
}

func readList(ctx context.Context, client *http.Client, base string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/records", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", openapi.MediaType)
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, body)
	}
	return body, err
}

// create has so many records made, in batches that a call has time for.
func create(t *testing.T, running *daemon.Daemon, count int) {
	t.Helper()
	const batch = 5000
	for first := 0; first < count; first += batch {
		var changes plan.Changes
		for number := first; number < min(first+batch, count); number++ {
			name := fmt.Sprintf("host-%06d.example.test", number)
			changes.Create = append(changes.Create, endpoint.NewEndpointWithTTL(name, "A", 300, "192.0.2.1"))
		}
		body, err := json.Marshal(&changes)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.Post(running.URL()+"/records", openapi.MediaType, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNoContent {
			t.Fatalf("a batch of %d was answered %d", batch, answer.StatusCode)
		}
	}
}

// resetPeak lets the kernel forget the most memory that a process has had.
func resetPeak(t *testing.T, process int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", process), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// peak is the most memory that a process has had, in bytes.
func peak(t *testing.T, process int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
