package nameserver

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// schema is what Debian's pdns-backend-sqlite3 brings.
const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// PowerDNSUpdated serves zones by PowerDNS's server that whoever has the key may
// update, and everybody may transfer.
func PowerDNSUpdated(t testing.TB, folder string, zones []string, key Key) Server {
	t.Helper()
	address, number := port(t)
	database := filepath.Join(folder, "pdns.db")
	run(t, "sqlite3", "sqlite3", database, ".read "+schema)
	// Without security-poll-suffix it asks the Internet at its start; without
	// the caches it answers as it has been told.
	write(t, folder, "pdns.conf", fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s
gsqlite3-pragma-synchronous=0
local-address=127.0.0.1
local-port=%s
socket-dir=%s
setuid=
setgid=
daemon=no
guardian=no
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
allow-axfr-ips=127.0.0.0/8
query-cache-ttl=0
cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
`, database, number, folder))
	util := func(arguments ...string) {
		run(t, "pdns-server", "pdnsutil", append([]string{"--config-dir=" + folder}, arguments...)...)
	}
	util("import-tsig-key", key.Name, key.Algorithm, key.Secret)
	for _, name := range zones {
		name := strings.TrimSuffix(name, ".")
		util("load-zone", name, write(t, folder, name+".zone", empty(name)))
		util("set-kind", name, "native")
		util("set-meta", name, "TSIG-ALLOW-DNSUPDATE", key.Name)
		util("set-meta", name, "TSIG-ALLOW-AXFR", key.Name)
		util("set-meta", name, "SOA-EDIT-DNSUPDATE", "INCREASE")
	}
	return serve(t, address, zones, "pdns_server", "pdns-server", "--config-dir="+folder)
}
