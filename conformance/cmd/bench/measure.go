package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const mediaType = "application/external.dns.webhook+json;version=1"

const defaultSettle = 2 * time.Second

// effort says how much is measured.
type effort struct {
	records, rounds, calls int
	settle                 time.Duration
	logLevel               string
}

// result of one server, a value for each measurement.
type result struct {
	start, list, listPlain, apply, adjust []time.Duration
	// Sizes in kB.
	idle, resident, peak []int
	// listed is the size of a listing, in bytes.
	listed int64
}

// measure is one round with a fresh process.
func measure(ctx context.Context, p effort, s server, l load, into *result) (err error) {
	directory, err := os.MkdirTemp("", "zonemux-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	address, err := freeAddress()
	if err != nil {
		return err
	}
	command, err := s.command(address, directory)
	if err != nil {
		return err
	}
	// Into a file: a pipe would make this process work while it measures.
	output, err := os.Create(filepath.Join(directory, "output"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	command.Stdout, command.Stderr = output, output
	client := caller{http: &http.Client{Transport: &http.Transport{}}, base: "http://" + address}
	defer client.http.CloseIdleConnections()

	begun := time.Now()
	if err := command.Start(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, tail(output.Name()))
		}
	}()
	defer func() { err = errors.Join(err, end(command)) }()
	if err := client.waitUntilUp(ctx); err != nil {
		return err
	}
	into.start = append(into.start, time.Since(begun))
	if err := client.waitUntilReady(ctx); err != nil {
		return err
	}
	if err := pause(ctx, p.settle); err != nil {
		return err
	}
	idle, err := memoryOf(command.Process.Pid)
	if err != nil {
		return err
	}
	into.idle = append(into.idle, idle.resident)

	took, _, err := client.call(ctx, http.MethodPost, "/records", l.create, http.StatusNoContent, "")
	if err != nil {
		return err
	}
	into.apply = append(into.apply, took)
	for range p.calls {
		took, _, err := client.call(ctx, http.MethodGet, "/records", nil, http.StatusOK, "gzip")
		if err != nil {
			return err
		}
		into.list = append(into.list, took)
		plain, size, err := client.call(ctx, http.MethodGet, "/records", nil, http.StatusOK, "identity")
		if err != nil {
			return err
		}
		into.listPlain, into.listed = append(into.listPlain, plain), size
		adjusted, _, err := client.call(ctx, http.MethodPost, "/adjustendpoints", l.adjust, http.StatusOK, "gzip")
		if err != nil {
			return err
		}
		into.adjust = append(into.adjust, adjusted)
	}
	after, err := memoryOf(command.Process.Pid)
	if err != nil {
		return err
	}
	into.resident, into.peak = append(into.resident, after.resident), append(into.peak, after.peak)
	return nil
}

// caller makes calls over one kept connection, as ExternalDNS does.
type caller struct {
	http *http.Client
	base string
}

func (c caller) call(ctx context.Context, method, path string, body []byte, want int, encoding string) (time.Duration, int64, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Accept", mediaType)
	request.Header.Set("Content-Type", mediaType)
	if encoding != "" {
		request.Header.Set("Accept-Encoding", encoding)
	}
	begun := time.Now()
	answer, err := c.http.Do(request)
	if err != nil {
		return 0, 0, err
	}
	size, err := io.Copy(io.Discard, answer.Body)
	took := time.Since(begun)
	err = errors.Join(err, answer.Body.Close())
	if err == nil && answer.StatusCode != want {
		err = fmt.Errorf("%s %s: status %d, expected %d", method, path, answer.StatusCode, want)
	}
	return took, size, err
}

// waitUntilUp asks `/healthz` on the webhook port until it is answered.
func (c caller) waitUntilUp(ctx context.Context) error {
	return c.wait(ctx, "/healthz", time.Millisecond)
}

// waitUntilReady asks for the list until there is one: plugins open behind the listener.
func (c caller) waitUntilReady(ctx context.Context) error {
	return c.wait(ctx, "/records", 10*time.Millisecond)
}

func (c caller) wait(ctx context.Context, path string, between time.Duration) error {
	var last error
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); {
		if _, _, last = c.call(ctx, http.MethodGet, path, nil, http.StatusOK, ""); last == nil {
			return nil
		}
		if err := pause(ctx, between); err != nil {
			return err
		}
	}
	return fmt.Errorf("no answer within 30 s: %w", last)
}

func pause(ctx context.Context, span time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(span):
		return nil
	}
}

// end stops the process that measure has started.
func end(command *exec.Cmd) error {
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, command.Wait())
	}
	err := command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		// ExternalDNS's server knows no orderly stop.
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGTERM {
			return nil
		}
	}
	return err
}

// tail is the end of a file, for the report of a failure.
func tail(file string) string {
	const limit = 2 << 10
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if len(text) > limit {
		text = text[len(text)-limit:]
	}
	return strings.TrimSpace(string(text))
}
