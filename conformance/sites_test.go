package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/nameserver"
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
			server := nameserver.Named(t, folder, files)
			return site{
				backend: wholeFiles(folder, zones).With("server", "bind").With("verify", server.Address).
					With("control", map[string]any{"config": server.Control}),
				read:   func(name string) ([]dns.RR, error) { return zone.Transfer(server.Address, apex(name)) },
				server: server.Address,
			}
		},
	}
}

// updated sends dynamic updates (RFC 2136) to a server.
func updated(name string, start func(testing.TB, string, []string, nameserver.Key) nameserver.Server, tables []table,
	lacks map[string]string) plugin {
	return plugin{
		name:   "rfc2136 with " + name,
		tables: tables,
		lacks:  lacks,
		open: func(t *testing.T, zones []string) site {
			server := start(t, t.TempDir(), apexes(zones), updateKey)
			return site{
				backend: ofServer(server, zones, updateKey),
				read:    func(name string) ([]dns.RR, error) { return zone.Transfer(server.Address, apex(name)) },
				server:  server.Address,
			}
		},
	}
}

// updatedView sends dynamic updates to one of two views of BIND's, and nothing of
// them reaches the other one.
func updatedView() plugin {
	inside := nameserver.Key{Name: "inside", Algorithm: "hmac-sha512", Secret: "aW5zaWRlIGluc2lkZSBpbnNpZGUgaW5zaWRlIDEyMzQ="}
	return plugin{
		name:   "rfc2136 with a view of named",
		tables: []table{{"lifecycle", lifecycleScenarios()}},
		open: func(t *testing.T, zones []string) site {
			server := nameserver.NamedViews(t, t.TempDir(), apexes(zones), inside, updateKey)
			return site{
				backend: ofServer(server, zones, inside),
				read: func(name string) ([]dns.RR, error) {
					outside, err := zone.TransferSigned(server.Address, apex(name), updateKey.Name, updateKey.Secret, dns.HmacSHA256)
					if err != nil {
						return nil, err
					}
					if len(outside) != 2 {
						return nil, fmt.Errorf("the other view has got records: %v", outside)
					}
					return zone.TransferSigned(server.Address, apex(name), inside.Name, inside.Secret, dns.HmacSHA512)
				},
			}
		},
	}
}

// updateKey is the key of tests.
var updateKey = nameserver.Key{Name: "extdns", Algorithm: "hmac-sha256", Secret: "dXBkYXRlIHVwZGF0ZSB1cGRhdGUgdXBkYXRlIDEyMzQ="}

// ofServer is a backend of the plugin rfc2136.
func ofServer(server nameserver.Server, zones []string, key nameserver.Key) daemon.Backend {
	return daemon.Backend{Plugin: "rfc2136", Zones: zones, Settings: map[string]any{
		"server": server.Address,
		"tsig":   key.Settings(),
	}}
}

func apexes(zones []string) []string {
	var names []string
	for _, name := range zones {
		names = append(names, apex(name))
	}
	return names
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
