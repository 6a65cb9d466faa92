package nameserver

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// controlKey is that of the control channel, which listens on the loopback alone.
const controlKey = `key "rndc-key" { algorithm hmac-sha256; secret "dGVzdHMgb2YgYSBuYW1lIHNlcnZlciBvbiBsb28="; };
`

// Named serves the zones by BIND's named, each from the file of that path.
func Named(t testing.TB, folder string, zones map[string]string) Server {
	t.Helper()
	var config strings.Builder
	for name, file := range zones {
		fmt.Fprintf(&config, "zone %q { type primary; file %q; };\n", name, file)
	}
	return named(t, folder, "allow-transfer { 127.0.0.0/8; };", config.String(), slices.Collect(maps.Keys(zones)))
}

// NamedUpdated serves zones by BIND's named that whoever has the key may update,
// and everybody may transfer.
func NamedUpdated(t testing.TB, folder string, zones []string, key Key) Server {
	t.Helper()
	config := bindKey(key)
	for _, name := range zones {
		file := write(t, folder, name+"zone", empty(name))
		config += fmt.Sprintf("zone %q { type primary; file %q; update-policy { grant %s zonesub ANY; }; "+
			"check-names ignore; check-integrity no; };\n", name, file, key.Name)
	}
	return named(t, folder, "allow-transfer { 127.0.0.0/8; };", config, zones)
}

// NamedViews serves two versions of each zone by BIND's named: whoever signs with
// inside sees and updates one, all others see the other one, which outside
// updates.
func NamedViews(t testing.TB, folder string, zones []string, inside, outside Key) Server {
	t.Helper()
	config := bindKey(inside) + bindKey(outside)
	view := func(name, clients string, key Key) {
		config += fmt.Sprintf("view %q { match-clients { %s }; allow-transfer { key %s; };\n", name, clients, key.Name)
		for _, zone := range zones {
			file := write(t, folder, name+"."+zone+"zone", empty(zone))
			config += fmt.Sprintf("zone %q { type primary; file %q; update-policy { grant %s zonesub ANY; }; "+
				"check-names ignore; check-integrity no; };\n", zone, file, key.Name)
		}
		config += "};\n"
	}
	view("inside", fmt.Sprintf("key %s; !key %s;", inside.Name, outside.Name), inside)
	view("outside", "any;", outside)
	return named(t, folder, "", config, zones)
}

func bindKey(key Key) string {
	return fmt.Sprintf("key %q { algorithm %s; secret %q; };\n", key.Name, key.Algorithm, key.Secret)
}

func named(t testing.TB, folder, options, zones string, names []string) Server {
	t.Helper()
	address, number := port(t)
	_, control := port(t)
	config := controlKey + fmt.Sprintf(`controls { inet 127.0.0.1 port %s allow { 127.0.0.0/8; } keys { "rndc-key"; }; };
options {
	directory %q; pid-file "named.pid"; session-keyfile "session.key"; managed-keys-directory ".";
	listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no; empty-zones-enable no; notify no; %s
};
%s`, control, folder, number, options, zones)
	file := write(t, folder, "named.conf", config)
	write(t, folder, "rndc.conf", controlKey+fmt.Sprintf(
		"options { default-key \"rndc-key\"; default-server 127.0.0.1; default-port %s; };\n", control))
	server := serve(t, address, names, "named", "bind9", "-g", "-4", "-n", "1", "-c", file)
	server.Control = filepath.Join(folder, "rndc.conf")
	return server
}
