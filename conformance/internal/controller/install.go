// Package controller runs the whole ExternalDNS program against a webhook
// provider, fed with endpoints by its connector source.
package controller

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	// Version of the program. It is one below that of the packages which the rest of the suite uses,
	// and with the samples stands for what is installed in clusters.
	Version = "v0.21.0"
	// PathVariable names a built external-dns executable.
	PathVariable = "ZONEMUX_EXTERNAL_DNS"

	modulePath = "sigs.k8s.io/external-dns"
)

// Executable is the path of external-dns: what the variable says, else what an
// earlier run has built, else built now, which takes some minutes.
func Executable() (string, error) {
	if path := os.Getenv(PathVariable); path != "" {
		return path, check(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w\nhint: set %s to an external-dns %s executable", err, PathVariable, Version)
	}
	directory := filepath.Join(cache, "zonemux", modulePath+"@"+Version)
	path := filepath.Join(directory, "external-dns")
	err = check(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = install(directory); err == nil {
			err = check(path)
		}
	}
	return path, err
}

func install(directory string) error {
	command := exec.Command("go", "install", modulePath+"@"+Version)
	command.Env = append(os.Environ(), "GOBIN="+directory, "GOFLAGS=-trimpath", "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s\nhint: set %s to an external-dns %s executable", command, err, output, PathVariable, Version)
	}
	return nil
}

// check reads the version that is stamped into the executable.
func check(path string) error {
	built, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if built.Main.Path != modulePath || built.Main.Version != Version {
		return fmt.Errorf("%s is %s %s, expected %s %s", path, built.Main.Path, built.Main.Version, modulePath, Version)
	}
	return nil
}
