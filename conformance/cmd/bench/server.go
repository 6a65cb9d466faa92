package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	log "github.com/sirupsen/logrus"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/provider/inmemory"
	"sigs.k8s.io/external-dns/provider/webhook/api"

	"zonemux.example/conformance/internal/daemon"
)

// server is one of the two that are compared.
type server struct {
	name string
	// command makes a process that will listen on an address, with a
	// directory for its files.
	command func(address, directory string) (*exec.Cmd, error)
}

func contestants(logLevel string) ([]server, error) {
	subject, err := daemon.SubjectFromEnvironment()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []server{
		{name: "zonemux", command: func(address, directory string) (*exec.Cmd, error) {
			return zonemux(subject, logLevel, address, directory)
		}},
		{name: "ExternalDNS in-memory", command: func(address, _ string) (*exec.Cmd, error) {
			return exec.Command(self, "-serve-inmemory", address), nil
		}},
	}, nil
}

// zonemux with one backend of the memory plugin, without a file, as the other
// server has none.
func zonemux(subject daemon.Subject, logLevel, address, directory string) (*exec.Cmd, error) {
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := daemon.Config{LogLevel: logLevel, Backends: map[string]daemon.Backend{"a": daemon.Memory(zone)}}
	file := filepath.Join(directory, "config.toml")
	text := config.TOML(daemon.Places{
		Webhook: address,
		Admin:   admin,
		Control: filepath.Join(directory, "control.sock"),
		State:   filepath.Join(directory, "state"),
		Plugins: subject.Plugins,
	})
	if err := os.Mkdir(filepath.Join(directory, "state"), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return exec.Command(subject.Binary, "--config", file, "serve"), nil
}

// serveInMemory is ExternalDNS's own provider behind its own server.
func serveInMemory(address string) {
	log.SetOutput(io.Discard)
	const limit = 5 * time.Minute
	memory := inmemory.NewInMemoryProvider(
		inmemory.InMemoryInitZones([]string{zone}),
		inmemory.InMemoryWithDomain(endpoint.NewDomainFilter([]string{zone})))
	api.StartHTTPApi(memory, nil, limit, limit, address)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
