package conformance

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// mount mounts for the time of the test. Where that is not allowed, which needs
// root, the test is skipped.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	err := syscall.Mount(source, target, kind, flags, data)
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this needs the right to mount, which root has: %v", err)
	}
	if err != nil {
		t.Fatalf("mount on %s: %v", target, err)
	}
}

func unmount(t *testing.T, target string) {
	t.Helper()
	if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
		t.Errorf("unmount %s: %v", target, err)
	}
}

// smallDisk is a directory on a file system of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	// Not t.TempDir, which would be removed with what is mounted on it.
	directory, err := os.MkdirTemp("", "zmx-disk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(directory); err != nil {
			t.Error(err)
		}
	})
	mount(t, "zonemux-test", directory, "tmpfs", 0, "mode=0700,size="+size)
	t.Cleanup(func() { unmount(t, directory) })
	return directory
}

// fill leaves no room on the disk of a directory until its file is removed.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for size := 1 << 16; size > 0; {
		if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// readOnly lets nothing under a directory be opened for writing any more.
// What is open stays so, as on a disk that the system has remounted it does not.
func readOnly(t *testing.T, directory string) {
	t.Helper()
	mount(t, directory, directory, "", syscall.MS_BIND, "")
	if err := syscall.Mount("", directory, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		unmount(t, directory)
		t.Fatalf("mount %s read-only: %v", directory, err)
	}
}
