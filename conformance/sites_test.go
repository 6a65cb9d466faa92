package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/named"
	"zonemux.example/conformance/internal/zone"
)

// site is a backend with what reads its zones.
type site struct {
	backend daemon.Backend
	// read is the whole zone, as those have it who read it.
	read func(zone string) ([]dns.RR, error)
	// server answers DNS; none does if empty.
	server string
}

// What all of these backends are set to: the name server of their zones, and who
// looks after them.
const (
	siteNameServer = "ns.example.net"
	siteHostmaster = "hostmaster@example.net"
)

// authority answers DNS by itself.
func authority() plugin {
	return plugin{
		name:   "authority",
		tables: append(append(commonTables(), furtherTables()...), table{"batch", batchScenarios()}),
		open: func(t *testing.T, zones []string) site {
			server := daemon.FreeAddress(t)
			return site{
				backend: daemon.Backend{Plugin: "authority", Zones: zones, Settings: map[string]any{
					"listen":        []string{server},
					"nameservers":   []string{siteNameServer},
					"hostmaster":    siteHostmaster,
					"transfer_from": []string{"127.0.0.0/8"},
				}},
				read:   func(name string) ([]dns.RR, error) { return zone.Transfer(server, apex(name)) },
				server: server,
			}
		},
	}
}

// zoneFile writes zone files that it owns, for a server that it does not know.
func zoneFile() plugin {
	return plugin{
		name:   "zonefile",
		tables: append(commonTables(), furtherTables()...),
		open: func(t *testing.T, zones []string) site {
			folder := t.TempDir()
			return site{
				backend: wholeFiles(folder, zones).With("server", "none").
					With("nameservers", []string{siteNameServer}).With("hostmaster", siteHostmaster),
				read: func(name string) ([]dns.RR, error) { return zone.File(fileOf(folder, name), apex(name)) },
			}
		},
	}
}

// zoneFileOfNamed writes zone files that BIND's server serves.
func zoneFileOfNamed() plugin {
	return plugin{
		name:   "zonefile with named",
		tables: commonTables(),
		lacks: map[string]string{
			"underscores":  "BIND takes no address at a name with an underscore, unless its option check-names says so",
			"many targets": "BIND takes 100 records of one name and type, unless its option max-records-per-type says so",
		},
		open: func(t *testing.T, zones []string) site {
			folder := t.TempDir()
			files := map[string]string{}
			for _, name := range zones {
				files[apex(name)] = fileOf(folder, name)
				writeEmptyZone(t, fileOf(folder, name), apex(name))
			}
			server := named.Start(t, folder, files)
			return site{
				backend: wholeFiles(folder, zones).With("server", "bind").With("verify", server.Address).
					With("control", map[string]any{"config": server.Control}),
				read:   func(name string) ([]dns.RR, error) { return zone.Transfer(server.Address, apex(name)) },
				server: server.Address,
			}
		},
	}
}

// writeEmptyZone writes what a server needs to serve a zone at all.
func writeEmptyZone(t *testing.T, path, zone string) {
	t.Helper()
	content := fmt.Sprintf("%s 3600 IN SOA %s. hostmaster.example.net. 1 3600 600 1209600 300\n%[1]s 3600 IN NS %[2]s.\n",
		zone, siteNameServer)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wholeFiles is a backend of the plugin zonefile that owns a file for each zone.
func wholeFiles(folder string, zones []string) daemon.Backend {
	return daemon.Backend{Plugin: "zonefile", Zones: zones, Settings: map[string]any{"mode": "whole", "directory": folder}}
}

// fileOf is the path of a zone's file, as the plugin names it.
func fileOf(folder, name string) string { return filepath.Join(folder, apex(name)+"zone") }
