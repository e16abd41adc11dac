package host

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/millrace-io/millrace"

// Build builds millrace without cgo into a folder, and gives the binary's path.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "millrace")
	build := exec.Command("go", "build", "-o", path, module+"/cmd/millrace")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building millrace: %w\n%s", err, output)
	}
	return path, nil
}

// Commit names the commit of the work tree around dir, and whether files differ from it. "no commit": there is no history.
func Commit(dir string) string {
	out, err := exec.Command("git", "-C", dir, "describe", "--always", "--dirty").Output()
	if err != nil {
		return "no commit"
	}
	return strings.TrimSpace(string(out))
}

// Save writes what a URL answers into a file: an agent's profiles.
func Save(url, file string) error {
	r, err := http.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, r.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, r.Body); err != nil {
		_ = out.Close() // the copy's error tells more
		return err
	}
	return out.Close()
}
