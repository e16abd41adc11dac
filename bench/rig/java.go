package rig

import (
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/millrace-io/millrace/compat/harness"
)

// Java is the command that runs a class of Apache Kafka's jars, which tools/install-clients.sh installs. The JVM has its
// defaults, but for 1 GiB of heap.
func Java(class string, args ...string) (*exec.Cmd, error) {
	repo := harness.Repo()
	install := exec.Command("bash", filepath.Join(repo, "tools", "install-clients.sh"), "kafka")
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("installing Kafka's jars: %w\n%s", err, out)
	}
	argv := append([]string{"-Xmx1g", "-cp", filepath.Join(repo, ".tools", "kafka", "*"), class}, args...)
	cmd := exec.Command("java", argv...)
	return cmd, nil
}
