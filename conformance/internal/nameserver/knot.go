package nameserver

import (
	"fmt"
	"strings"
	"testing"
)

// KnotUpdated serves zones by Knot's knotd that whoever has the key may update,
// and everybody may transfer.
func KnotUpdated(t testing.TB, folder string, zones []string, key Key) Server {
	t.Helper()
	address, number := port(t)
	var config strings.Builder
	fmt.Fprintf(&config, `server:
    rundir: %[1]s
    listen: 127.0.0.1@%[2]s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: %[1]s
    journal-db-max-size: 64M
    catalog-db-max-size: 10M
    timer-db-max-size: 10M
control:
    listen: %[1]s/knot.sock
key:
  - id: %[3]s
    algorithm: %[4]s
    secret: %[5]s
acl:
  - id: update
    key: %[3]s
    action: [update, transfer]
  - id: transfer
    address: 127.0.0.0/8
    action: transfer
zone:
`, folder, number, key.Name, key.Algorithm, key.Secret)
	for _, name := range zones {
		file := write(t, folder, name+"zone", empty(name))
		fmt.Fprintf(&config, "  - domain: %s\n    file: %q\n    acl: [update, transfer]\n    zonefile-sync: -1\n", name, file)
	}
	file := write(t, folder, "knot.conf", config.String())
	return serve(t, address, zones, "knotd", "knot", "-c", file)
}
