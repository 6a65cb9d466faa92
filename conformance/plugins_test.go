package conformance

import (
	"maps"
	"slices"
	"testing"

	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
	"zonemux.example/conformance/internal/nameserver"
)

// plugin is one of those that keep zones where others than ExternalDNS read them.
type plugin struct {
	name string
	// open makes a backend for these zones, with its surroundings.
	open func(t *testing.T, zones []string) site
	// tables are the scenarios that it is tried with.
	tables []table
	// lacks are those that it can't do, with the reason.
	lacks map[string]string
}

// table is scenarios of one subject.
type table struct {
	name      string
	scenarios []scenario
}

// What every plugin is tried with. Set identifiers and properties are not among
// it: a zone can hold neither.
func commonTables() []table {
	return []table{
		{"types", typeScenarios()},
		{"text", textScenarios()},
		{"names", nameScenarios()},
		{"values", valueScenarios()},
	}
}

// What doesn't depend on the server that reads a zone.
func furtherTables() []table {
	return []table{
		{"lifecycle", lifecycleScenarios()},
		{"registry options", registryOptionScenarios()},
		{"registry repair", registryRepairScenarios()},
	}
}

// The scenarios of the memory plugin, on those that people keep their zones
// with. Whoever reads the zone finds after each step the records that are
// listed, and no others; and in the middle of every other scenario the daemon
// ends, in good order and by SIGKILL in turns, and comes back with the same.
func TestPlugins(t *testing.T) {
	for _, p := range []plugin{
		authority(), zoneFile(), zoneFileOfNamed(),
		updated("named", nameserver.NamedUpdated, append(commonTables(), furtherTables()...), map[string]string{
			"many targets": "BIND takes 100 records of one name and type, unless its option max-records-per-type says so",
		}),
		updated("knotd", nameserver.KnotUpdated, append(commonTables(), furtherTables()...), nil),
		updated("pdns_server", nameserver.PowerDNSUpdated, append(commonTables(), furtherTables()...), nil),
		updatedView(),
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			lacks := maps.Clone(p.lacks)
			for _, table := range p.tables {
				// Not from within the parallel part: all must have been seen below.
				scenarios := slices.DeleteFunc(table.scenarios, func(s scenario) bool {
					_, left := p.lacks[s.name]
					delete(lacks, s.name)
					return left
				})
				t.Run(table.name, func(t *testing.T) {
					t.Parallel()
					p.run(t, scenarios)
				})
			}
			for name := range lacks {
				t.Errorf("there is no scenario %q to leave out", name)
			}
		})
	}
}

// run runs scenarios one after the other on one daemon, but for those that have
// zones of their own.
func (p plugin) run(t *testing.T, scenarios []scenario) {
	shared := p.start(t, defaultBackends())
	for number, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			on := shared
			if s.backends != nil {
				on = p.start(t, s.backends)
			}
			w := around(t, on.daemon)
			w.clear()
			s.steps = on.watched(s.steps, deaths[number%len(deaths)])
			s.in(w)
		})
	}
}

// sites is a daemon with what reads its zones.
type sites struct {
	daemon *daemon.Daemon
	// byZone is where each zone is read.
	byZone map[string]site
}

// start starts a daemon whose backends are the plugin's, with these names and
// zones.
func (p plugin) start(t *testing.T, models map[string]daemon.Backend) sites {
	t.Helper()
	made := sites{byZone: map[string]site{}}
	backends := map[string]daemon.Backend{}
	for name, model := range models {
		opened := p.open(t, model.Zones)
		backends[name] = opened.backend
		for _, zone := range model.Zones {
			made.byZone[zone] = opened
		}
	}
	made.daemon = daemon.Start(t, subject, daemon.Config{Backends: backends})
	return made
}

// death is how a daemon ends, to be started again.
type death struct {
	name   string
	happen func(*world)
}

// The deaths of one scenario after the other; most of what a scenario takes is
// the start of a daemon, so not each has one.
var deaths = []death{
	{"a restart", func(w *world) { w.daemon.Restart(w.t) }},
	{},
	{"SIGKILL", func(w *world) { w.daemon.KillAndRestart(w.t) }},
	{},
}

// watched are the steps with a look at the zones after each, and with a death of
// the daemon, if there is one, after the step in the middle.
func (s sites) watched(steps []step, death death) []step {
	var watched []step
	for number, current := range steps {
		check := current.check
		current.check = func(w *world) {
			w.t.Helper()
			if check != nil {
				check(w)
			}
			for zone, found := range s.byZone {
				w.look(zone, found)
			}
		}
		watched = append(watched, current)
		if death.happen != nil && number == len(steps)/2 {
			again := current
			again.what = "the same after " + death.name
			again.idle = true
			again.before = func(w *world) {
				death.happen(w)
				for zone, found := range s.byZone {
					await(w.t, found.server, zone)
				}
			}
			watched = append(watched, again)
		}
	}
	return watched
}

// clear deletes what the scenario before has left.
func (w *world) clear() {
	w.t.Helper()
	left, err := w.loop(loop.Options{}).Provider.Records(w.context())
	if err != nil {
		w.t.Fatal(err)
	}
	if len(left) > 0 {
		w.apply(&plan.Changes{Delete: left})
	}
	w.expect(nil)
}
