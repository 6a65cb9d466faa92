package conformance

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	log "github.com/sirupsen/logrus"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/openapi"
)

// What every test stands on; set once, before the first test.
var (
	subject     daemon.Subject
	switchboard *exchange.Switchboard
	// current checks what today's client exchanges, historic what is replayed
	// of all versions.
	current, historic *openapi.Checker
)

func TestMain(m *testing.M) {
	flag.Parse()
	defaultParallel()
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// defaultParallel lets more tests run at once than there are processors, unless
// the command line says how many: most of their time they wait for a deadline,
// or for a controller's next loop.
func defaultParallel() {
	const name, atOnce = "test.parallel", "8"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, atOnce); err != nil {
		panic(err)
	}
}

func prepare() error {
	var err error
	if subject, err = daemon.SubjectFromEnvironment(); err != nil {
		return err
	}
	if current, err = openapi.New(); err != nil {
		return err
	}
	if historic, err = openapi.New(openapi.OldSpelling); err != nil {
		return err
	}
	switchboard = exchange.Install()
	// ExternalDNS logs to logrus's one global logger, out of any test's order.
	if os.Getenv("ZONEMUX_CLIENT_LOG") == "" {
		log.SetOutput(io.Discard)
	}
	return nil
}
