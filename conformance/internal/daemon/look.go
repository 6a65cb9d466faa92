package daemon

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Log is all that the process, and those before it, wrote.
func (d *Daemon) Log() string { return d.output.String() }

// State is a path in the state directory.
func (d *Daemon) State(parts ...string) string {
	return filepath.Join(append([]string{d.at.State}, parts...)...)
}

// Run runs a command of zonemux with the daemon's configuration, which must
// succeed, and gives what it prints.
func (d *Daemon) Run(t testing.TB, arguments ...string) string {
	t.Helper()
	command := exec.Command(d.subject.Binary, append([]string{"--config", d.file}, arguments...)...)
	command.Env = environment()
	var errors strings.Builder
	command.Stderr = &errors
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("zonemux %s: %v\n%s%s", strings.Join(arguments, " "), err, printed, errors.String())
	}
	return string(printed)
}

// Metric is the sum of a metric's samples that have all of the labels, each
// written as `name="value"`; 0 where there is none.
func (d *Daemon) Metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + d.at.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	sum := 0.0
	lines := bufio.NewScanner(io.LimitReader(answer.Body, 16<<20))
	for lines.Scan() {
		series, value, found := cutLast(lines.Text(), " ")
		rest, named := strings.CutPrefix(series, name)
		if !found || !named || rest != "" && !strings.HasPrefix(rest, "{") || !hasAll(rest, labels) {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metric %q: %v", lines.Text(), err)
		}
		sum += number
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return sum
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

func hasAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
