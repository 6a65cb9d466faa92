package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// How long the daemon may take to start and to stop. Both are far above what
// it needs, so that a busy machine fails no test.
const (
	startLimit = 30 * time.Second
	stopLimit  = 40 * time.Second
)

// Daemon is a zonemux process with its configuration.
type Daemon struct {
	subject Subject
	config  Config
	at      Places
	file    string

	command *exec.Cmd
	output  *output
	// exited is closed when the process has ended; exit then holds its error.
	exited chan struct{}
	exit   error
}

// output collects what the process writes, for the report of a failed test.
type output struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.bytes.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.bytes.String()
}

// Start writes the configuration, starts the daemon and waits for a ready
// answer. The test's end stops it, and demands exit code 0.
func Start(t testing.TB, subject Subject, config Config) *Daemon {
	t.Helper()
	d := prepare(t, subject, config)
	d.start(t)
	d.waitReady(t)
	return d
}

// StartUnready starts a daemon whose backends are not expected to open, and
// waits only until the process itself answers.
func StartUnready(t testing.TB, subject Subject, config Config) *Daemon {
	t.Helper()
	d := prepare(t, subject, config)
	d.start(t)
	d.waitFor(t, "/healthz")
	return d
}

func prepare(t testing.TB, subject Subject, config Config) *Daemon {
	t.Helper()
	// Not t.TempDir: the path of a unix socket may not exceed 107 bytes.
	directory, err := os.MkdirTemp("", "zmx")
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{
		subject: subject,
		config:  config,
		file:    filepath.Join(directory, "config.toml"),
		output:  &output{},
		at: Places{
			Webhook: FreeAddress(t),
			Admin:   FreeAddress(t),
			Control: filepath.Join(directory, "control.sock"),
			State:   cmp.Or(config.State, filepath.Join(directory, "state")),
			Plugins: subject.Plugins,
		},
	}
	if err := os.MkdirAll(d.at.State, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file, []byte(config.TOML(d.at)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.command != nil {
			d.Stop(t)
		}
		if t.Failed() {
			t.Logf("configuration:\n%s\noutput of zonemux:\n%s", config.TOML(d.at), d.tail())
		}
		if err := os.RemoveAll(directory); err != nil {
			t.Error(err)
		}
	})
	return d
}

// URL is the base of the webhook side.
func (d *Daemon) URL() string { return "http://" + d.at.Webhook }

// Host is the address of the webhook side.
func (d *Daemon) Host() string { return d.at.Webhook }

// PID of the running process.
func (d *Daemon) PID() int { return d.command.Process.Pid }

func (d *Daemon) start(t testing.TB) {
	t.Helper()
	command := exec.Command(d.subject.Binary, "--config", d.file, "serve")
	command.Env = append(environment(), d.config.Environment...)
	command.Stdout = d.output
	command.Stderr = d.output
	if err := command.Start(); err != nil {
		t.Fatalf("%s: %v", d.subject.Binary, err)
	}
	exited := make(chan struct{})
	d.command, d.exited = command, exited
	go func() {
		d.exit = command.Wait()
		close(exited)
	}()
}

func (d *Daemon) waitReady(t testing.TB) {
	t.Helper()
	d.waitFor(t, "/readyz")
}

// waitFor polls a probe of the admin side until it answers 200.
func (d *Daemon) waitFor(t testing.TB, probe string) {
	t.Helper()
	deadline := time.Now().Add(startLimit)
	last := "no answer"
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for time.Now().Before(deadline) {
		select {
		case <-d.exited:
			t.Fatalf("zonemux ended while it was expected to answer %s: %v\n%s", probe, d.exit, d.tail())
		default:
		}
		answer, err := client.Get("http://" + d.at.Admin + probe)
		if err == nil {
			status := answer.StatusCode
			_ = answer.Body.Close()
			if status == http.StatusOK {
				return
			}
			last = fmt.Sprintf("status %d", status)
		} else {
			last = err.Error()
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s was not 200 within %s (%s)\n%s", probe, startLimit, last, d.tail())
}

// Stop ends the process with SIGTERM and demands exit code 0.
func (d *Daemon) Stop(t testing.TB) {
	t.Helper()
	command := d.command
	d.command = nil
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		<-d.exited
		t.Errorf("zonemux had ended by itself: %v", d.exit)
		return
	}
	select {
	case <-d.exited:
		if d.exit != nil {
			t.Errorf("zonemux ended after SIGTERM with %v, expected exit code 0", d.exit)
		}
	case <-time.After(stopLimit):
		_ = command.Process.Kill()
		<-d.exited
		t.Errorf("zonemux was still running %s after SIGTERM", stopLimit)
	}
}

// Restart stops the process in good order and starts it again on the same
// addresses and files.
func (d *Daemon) Restart(t testing.TB) {
	t.Helper()
	d.Stop(t)
	d.start(t)
	d.waitReady(t)
}

// KillAndRestart ends the process without any warning and starts it again.
func (d *Daemon) KillAndRestart(t testing.TB) {
	t.Helper()
	d.Kill(t)
	d.StartAgain(t)
}

// Kill ends the process without any warning, unless it has ended so already.
func (d *Daemon) Kill(t testing.TB) {
	t.Helper()
	if err := d.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-d.exited
}

// StartAgain starts a process that has ended on the same addresses and files.
func (d *Daemon) StartAgain(t testing.TB) {
	t.Helper()
	d.start(t)
	d.waitReady(t)
}

// StartAgainUnready is the same with backends that are not expected to open.
func (d *Daemon) StartAgainUnready(t testing.TB) {
	t.Helper()
	d.start(t)
	d.waitFor(t, "/healthz")
}

// tail is the end of what the process wrote.
func (d *Daemon) tail() string {
	const limit = 8 << 10
	text := d.output.String()
	if len(text) > limit {
		text = "…" + text[len(text)-limit:]
	}
	return text
}

// environment is ours without what would reach into the daemon's configuration
// or tell it that a service manager started it.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "ZONEMUX_") {
			return true
		}
		return slices.Contains([]string{"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
			"WATCHDOG_USEC", "WATCHDOG_PID", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "RUST_LOG"}, name)
	})
}
