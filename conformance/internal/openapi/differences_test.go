package openapi

import (
	"os"
	"strings"
	"testing"
)

// Each difference is explained, in the code and to readers.
func TestDifferencesAreExplained(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, difference := range append(append([]Difference(nil), Differences...), OldSpelling) {
		if difference.Name == "" || difference.File == "" || difference.Client == "" || difference.amend == nil {
			t.Errorf("not explained or not worked in: %+v", difference)
		}
		if names[difference.Name] {
			t.Errorf("%s is there twice", difference.Name)
		}
		names[difference.Name] = true
		if !strings.Contains(string(readme), "| "+difference.Name+" |") {
			t.Errorf("README.md does not list %q", difference.Name)
		}
	}
	listed := 0
	for line := range strings.Lines(string(readme)) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && names[name] {
			listed++
		}
	}
	if listed != len(names) {
		t.Errorf("README.md lists %d of %d differences", listed, len(names))
	}
}

// The file of the module can be read, and takes the differences.
func TestNew(t *testing.T) {
	if _, err := New(); err != nil {
		t.Error(err)
	}
	if _, err := New(OldSpelling); err != nil {
		t.Error(err)
	}
}
