// Package nameserver starts real name servers for one test.
package nameserver

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/zone"
)

// startLimit is far above what it takes, so that a busy machine fails no test.
const startLimit = 30 * time.Second

// Key signs messages (RFC 8945).
type Key struct {
	// Name has no dot at its end.
	Name string
	// Algorithm is as the servers spell it.
	Algorithm string
	// Secret is in Base64.
	Secret string
}

// Settings are the key as plugins take it.
func (k Key) Settings() map[string]any {
	return map[string]any{"name": k.Name, "algorithm": k.Algorithm, "secret": k.Secret}
}

// Server is a process that serves zones of a folder.
type Server struct {
	// Address answers DNS.
	Address string
	// Control is the configuration file of rndc, of BIND's server.
	Control string
}

// serve starts a program that answers at an address, and waits for it to have the
// zones. It ends with the test.
func serve(t testing.TB, address string, zones []string, program, pkg string, arguments ...string) Server {
	t.Helper()
	command := exec.Command(program, arguments...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatalf("%s: %v\nhint: install it, on Debian with `apt-get install %s`", program, err, pkg)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("output of %s:\n%s", program, output.String())
		}
	})
	for _, name := range zones {
		await(t, program, address, name, exited)
	}
	return Server{Address: address}
}

func await(t testing.TB, program, address, name string, exited <-chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-exited:
			t.Fatalf("%s ended while it was expected to answer", program)
		default:
		}
		if answer, err := zone.Ask(address, name, dns.TypeSOA); err == nil && answer.Rcode == dns.RcodeSuccess {
			return
		}
	}
	t.Fatalf("%s did not serve %s within %s", program, name, startLimit)
}

// run runs a program to its end.
func run(t testing.TB, pkg, program string, arguments ...string) {
	t.Helper()
	if output, err := exec.Command(program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s\nhint: it is part of Debian's %s", program, arguments, err, output, pkg)
	}
}

func port(t testing.TB) (address, number string) {
	t.Helper()
	address = daemon.FreeAddress(t)
	_, number, _ = net.SplitHostPort(address)
	return address, number
}

func write(t testing.TB, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// empty is the text of a zone that only has what every zone has.
func empty(zone string) string {
	return fmt.Sprintf("%s 3600 IN SOA ns.example.net. hostmaster.example.net. 1 3600 600 1209600 300\n"+
		"%[1]s 3600 IN NS ns.example.net.\n", dns.Fqdn(zone))
}
