package franz

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/millrace-io/millrace/compat/harness"
)

// franz-go's own tests of producing and of groups, under every balancer, with kills of members; transactions excepted.
func TestFranzGosOwnSuite(t *testing.T) {
	if !harness.Long() {
		t.Skip("takes minutes; ./test --all runs it")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=14m", "-run", "^(TestGroupETL|TestClient_Produce|TestPing|TestIssue1034|TestIssue769)$",
		"github.com/twmb/franz-go/pkg/kgo")
	cmd.Dir = harness.Repo()
	cmd.Env = append(os.Environ(), "KGO_SEEDS="+cluster(t).Bootstrap(), "KGO_TEST_RF=1", "KGO_TEST_RECORDS=20000")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok") {
		t.Errorf("%v\n%s", err, out)
	}
}
