package controller

import (
	"bytes"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"zonemux.example/conformance/internal/daemon"
)

// Controller is a running ExternalDNS.
type Controller struct {
	command *exec.Cmd
	exited  chan struct{}
	exit    error

	mutex  sync.Mutex
	output bytes.Buffer
}

// Write takes what the program logs.
func (c *Controller) Write(data []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.output.Write(data)
}

// Log is what the program has logged.
func (c *Controller) Log() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	const limit = 8 << 10
	text := c.output.String()
	if len(text) > limit {
		text = "…" + text[len(text)-limit:]
	}
	return text
}

// Start runs external-dns with one-second loops until the test ends, which it
// must survive. Further flags are added to the ones that say what it is fed
// with and where it writes.
func Start(t testing.TB, executable, source, provider string, flags ...string) *Controller {
	t.Helper()
	c := &Controller{exited: make(chan struct{})}
	c.command = exec.Command(executable, append([]string{
		"--source=connector",
		"--connector-source-server=" + source,
		"--provider=webhook",
		"--webhook-provider-url=" + provider,
		"--interval=1s",
		"--min-event-sync-interval=1s",
		"--metrics-address=" + daemon.FreeAddress(t),
		"--log-level=info",
	}, flags...)...)
	c.command.Stdout, c.command.Stderr = c, c
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.exit = c.command.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		c.stop(t)
		if t.Failed() {
			t.Logf("log of external-dns:\n%s", c.Log())
		}
	})
	return c
}

// Alive demands that the program has not ended.
func (c *Controller) Alive(t testing.TB) {
	t.Helper()
	select {
	case <-c.exited:
		t.Fatalf("external-dns ended: %v", c.exit)
	default:
	}
}

func (c *Controller) stop(t testing.TB) {
	t.Helper()
	select {
	case <-c.exited:
		t.Errorf("external-dns had ended by itself: %v", c.exit)
		return
	default:
	}
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	select {
	case <-c.exited:
	case <-time.After(20 * time.Second):
		_ = c.command.Process.Kill()
		<-c.exited
	}
}
