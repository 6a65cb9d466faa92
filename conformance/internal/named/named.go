// Package named starts BIND's name server for one test.
package named

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/zone"
)

// startLimit is far above what it takes, so that a busy machine fails no test.
const startLimit = 30 * time.Second

// Server is a process that serves zones of a folder.
type Server struct {
	// Address answers DNS.
	Address string
	// Control is the configuration file of rndc.
	Control string
}

// key is that of the control channel, which listens on the loopback alone.
const key = `key "rndc-key" { algorithm hmac-sha256; secret "dGVzdHMgb2YgYSBuYW1lIHNlcnZlciBvbiBsb28="; };
`

// Start serves the zones, each from the file of that path, until the test ends.
func Start(t testing.TB, folder string, zones map[string]string) Server {
	t.Helper()
	s := Server{Address: daemon.FreeAddress(t), Control: filepath.Join(folder, "rndc.conf")}
	_, port, _ := net.SplitHostPort(s.Address)
	_, control, _ := net.SplitHostPort(daemon.FreeAddress(t))

	var config strings.Builder
	config.WriteString(key)
	fmt.Fprintf(&config, `controls { inet 127.0.0.1 port %s allow { 127.0.0.0/8; } keys { "rndc-key"; }; };
options {
	directory %q; pid-file "named.pid"; session-keyfile "session.key"; managed-keys-directory ".";
	listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no; empty-zones-enable no; notify no; allow-transfer { 127.0.0.0/8; };
};
`, control, folder, port)
	for name, file := range zones {
		fmt.Fprintf(&config, "zone %q { type primary; file %q; };\n", name, file)
	}
	file := write(t, folder, "named.conf", config.String())
	write(t, folder, "rndc.conf", key+fmt.Sprintf(
		"options { default-key \"rndc-key\"; default-server 127.0.0.1; default-port %s; };\n", control))

	command := exec.Command("named", "-g", "-4", "-n", "1", "-c", file)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatalf("named: %v\nhint: install it, on Debian with `apt-get install bind9`", err)
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
			t.Logf("output of named:\n%s", output.String())
		}
	})
	for name := range zones {
		s.wait(t, name, exited)
	}
	return s
}

func (s Server) wait(t testing.TB, name string, exited <-chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-exited:
			t.Fatal("named ended while it was expected to answer")
		default:
		}
		if answer, err := zone.Ask(s.Address, name, dns.TypeSOA); err == nil && answer.Rcode == dns.RcodeSuccess {
			return
		}
	}
	t.Fatalf("named did not serve %s within %s", name, startLimit)
}

func write(t testing.TB, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
