package daemon

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Config is the part of zonemux's configuration that tests choose. Ports,
// sockets and directories are added when the daemon is started.
type Config struct {
	// Backends by name.
	Backends map[string]Backend
	// Views by name; without any there is one at "/" with every backend.
	Views map[string]View
	// Deadline of one webhook call, such as "2s"; empty leaves the default.
	Deadline string
	// Gzip is `[webhook] gzip`; empty leaves the default, which spares loopback.
	Gzip string
	// LogLevel is `[log] level`; empty leaves the default.
	LogLevel string
	// State is the state directory; one beside the configuration if empty.
	State string
	// Isolation is `[plugins] isolation`; empty leaves the default.
	Isolation string
	// Environment is added to what the process gets, as "NAME=value".
	Environment []string
}

// View is one `[views.NAME]` table.
type View struct {
	Path     string
	Backends []string
	// User and Passwords, one or two, that its callers must have; anyone may
	// call it without.
	User      string
	Passwords []string
}

// Backend is one `[backends.NAME]` table.
type Backend struct {
	Plugin string
	Zones  []string
	// Limit is how long any work for the backend may take, listing and applying
	// included, such as "3s"; empty leaves the defaults.
	Limit string
	// Ownership, MaxStale and Retry are `ownership`, `max_stale` and
	// `quarantine.retry`; empty leaves the defaults.
	Ownership, MaxStale, Retry string
	// Guards are the keys of its `guards` table. Unless they have `max_deletes`,
	// that guard is off: scenarios delete whatever they like.
	Guards map[string]any
	// TTL is the table of its bounds: `default`, `min`, `max`; none if nil.
	TTL map[string]string
	// Settings is the plugin's own table: strings, numbers, booleans, lists of
	// strings, and tables of these.
	Settings map[string]any
}

// breakerCooldown is for how long a backend that keeps failing is left alone.
const breakerCooldown = "300ms"

// Memory is a backend of the memory plugin without a file.
func Memory(zones ...string) Backend {
	return Backend{Plugin: "memory", Zones: zones}
}

// With returns the backend with one more setting.
func (b Backend) With(key string, value any) Backend {
	settings := maps.Clone(b.Settings)
	if settings == nil {
		settings = map[string]any{}
	}
	settings[key] = value
	b.Settings = settings
	return b
}

// Places are the addresses and paths of one daemon.
type Places struct {
	// Webhook and Admin are host:port.
	Webhook, Admin string
	// Control is the path of the socket.
	Control string
	// State and Plugins are directories.
	State, Plugins string
}

// TOML renders the configuration file.
func (c Config) TOML(at Places) string {
	var out strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&out, format+"\n", values...) }
	line("version = 1")
	line("\n[webhook]")
	line("listen = %s", value([]string{at.Webhook}))
	if c.Deadline != "" {
		line("deadline = %s", value(c.Deadline))
	}
	if c.Gzip != "" {
		line("gzip = %s", value(c.Gzip))
	}
	if c.LogLevel != "" {
		line("\n[log]\nlevel = %s", value(c.LogLevel))
	}
	line("\n[admin]\nlisten = %s", value([]string{at.Admin}))
	line("\n[control]\nlisten = %s", value("unix:"+at.Control))
	line("\n[state]\ndirectory = %s", value(at.State))
	line("\n[plugins]\npath = %s", value([]string{at.Plugins}))
	if c.Isolation != "" {
		line("isolation = %s", value(c.Isolation))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Views)) {
		view := c.Views[name]
		line("\n[views.%s]", name)
		line("path = %s", value(view.Path))
		line("backends = %s", value(view.Backends))
		if view.User != "" {
			line("auth = { user = %s, password = %s }", value(view.User), value(view.Passwords))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Backends)) {
		backend := c.Backends[name]
		line("\n[backends.%s]", name)
		line("plugin = %s", value(backend.Plugin))
		line("zones = %s", value(backend.Zones))
		if backend.Limit != "" {
			for _, key := range []string{"timeout", "list_timeout", "apply_timeout"} {
				line("%s = %s", key, value(backend.Limit))
			}
		}
		for _, optional := range [][2]string{{"ownership", backend.Ownership}, {"max_stale", backend.MaxStale}} {
			if optional[1] != "" {
				line("%s = %s", optional[0], value(optional[1]))
			}
		}
		// What recovers is to be seen soon, not after half a minute.
		line("breaker = { cooldown = %s }", value(breakerCooldown))
		if backend.Retry != "" {
			line("quarantine = { retry = %s }", value(backend.Retry))
		}
		for _, bound := range slices.Sorted(maps.Keys(backend.TTL)) {
			line("ttl.%s = %s", bound, value(backend.TTL[bound]))
		}
		line("[backends.%s.guards]", name)
		if _, given := backend.Guards["max_deletes"]; !given {
			line("max_deletes = \"none\"")
		}
		table(line, backend.Guards)
		if len(backend.Settings) == 0 {
			continue
		}
		line("[backends.%s.settings]", name)
		table(line, backend.Settings)
	}
	return out.String()
}

// table renders the keys of a table in their order.
func table(line func(string, ...any), entries map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		line("%s = %s", key, value(entries[key]))
	}
}

// value renders a TOML value. Of strings, numbers, booleans and lists of strings
// JSON's form is also TOML's.
func value(v any) string {
	if inner, isTable := v.(map[string]any); isTable {
		var entries []string
		table(func(format string, values ...any) { entries = append(entries, fmt.Sprintf(format, values...)) }, inner)
		return "{ " + strings.Join(entries, ", ") + " }"
	}
	rendered, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a setting that has no TOML form: %v", v))
	}
	return string(rendered)
}
