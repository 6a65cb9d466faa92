// Package daemon starts the zonemux executable under test, with a
// configuration written for one test, and stops it again.
package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Names of the environment variables that say what is tested.
const (
	// BinaryVariable names the zonemux executable.
	BinaryVariable = "ZONEMUX_BIN"
	// PluginPathVariable names the directory that holds libzonemux_*.so.
	PluginPathVariable = "ZONEMUX_PLUGIN_PATH"
)

const howToRun = "run `cargo xtask test` in the repository, which builds the daemon and sets both variables, " +
	"or set %s to the zonemux executable and %s to the directory with its plugins, libzonemux_memory.so among them"

// Subject is what the suite tests: an executable and the plugins it loads.
type Subject struct {
	// Binary is the absolute path of the zonemux executable.
	Binary string
	// Plugins is the absolute path of the directory with the plugins.
	Plugins string
}

// SubjectFromEnvironment reads the two variables. It fails, rather than
// letting tests be skipped, when one is missing or names nothing usable.
func SubjectFromEnvironment() (Subject, error) {
	hint := fmt.Sprintf(howToRun, BinaryVariable, PluginPathVariable)
	binary, err := pathFrom(BinaryVariable)
	if err != nil {
		return Subject{}, fmt.Errorf("%w\nhint: %s", err, hint)
	}
	plugins, err := pathFrom(PluginPathVariable)
	if err != nil {
		return Subject{}, fmt.Errorf("%w\nhint: %s", err, hint)
	}
	return Subject{Binary: binary, Plugins: plugins}, nil
}

func pathFrom(variable string) (string, error) {
	value := os.Getenv(variable)
	if value == "" {
		return "", errors.New(variable + " is not set")
	}
	path, err := filepath.Abs(value)
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	return path, nil
}
