package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory of a process, in kB, as Linux counts it.
type memory struct{ resident, peak int }

// memoryOf reads VmRSS and VmHWM (proc(5)).
func memoryOf(pid int) (memory, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	defer func() { _ = file.Close() }()
	var found memory
	fields := map[string]*int{"VmRSS:": &found.resident, "VmHWM:": &found.peak}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			continue
		}
		if field, wanted := fields[words[0]]; wanted {
			if *field, err = strconv.Atoi(words[1]); err != nil {
				return memory{}, fmt.Errorf("%s: %w", lines.Text(), err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return memory{}, err
	}
	if found.resident == 0 || found.peak == 0 {
		return memory{}, fmt.Errorf("process %d shows no VmRSS or VmHWM", pid)
	}
	return found, nil
}
