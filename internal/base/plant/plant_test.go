package plant_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The command that people run holds nothing of this package: no switch, and no code that depends on one. With the tag it
// does, so the test sees what it looks for.
func TestCommandHasNoTraceOfIt(t *testing.T) {
	if found := symbols(t); len(found) > 0 {
		t.Errorf("the command holds %q", found)
	}
	if len(symbols(t, "-tags", "plant")) == 0 {
		t.Error("not even with the tag is there anything of this package: the test looks for the wrong thing")
	}
}

// symbols builds cmd/millrace and lists what it holds of this package.
func symbols(t *testing.T, flags ...string) (found []string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "millrace")
	goTool(t, append(append([]string{"build", "-o", binary}, flags...), "github.com/millrace-io/millrace/cmd/millrace")...)
	for line := range strings.Lines(goTool(t, "tool", "nm", binary)) {
		if strings.Contains(line, "internal/base/plant.") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %v: %v", args, err)
	}
	return string(out)
}
