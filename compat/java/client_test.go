package java

import (
	"strings"
	"testing"

	"github.com/millrace-io/millrace/compat/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func cluster(t *testing.T) *harness.Cluster { return harness.Shared(t, harness.Options{Agents: 3}) }

// suite runs one case of ClientSuite.java.
func suite(t *testing.T, name, topic string) string {
	t.Helper()
	return harness.Java(t, "ClientSuite", name, cluster(t).Bootstrap(), topic).Stdout
}

func TestClientProducesUnderEveryCodec(t *testing.T) {
	t.Parallel()
	suite(t, "codecs", harness.Name(t))
}

func TestClientRebalances(t *testing.T) {
	t.Parallel()
	suite(t, "rebalance", harness.Name(t))
}

func TestClientSeeksAndListsOffsets(t *testing.T) {
	t.Parallel()
	suite(t, "positions", harness.Name(t))
}

func TestAdminClient(t *testing.T) {
	t.Parallel()
	suite(t, "admin", harness.Name(t))
}

func TestClientResumesAfterRestart(t *testing.T) {
	name := harness.Name(t)
	suite(t, "commit", name)
	cluster(t).RestartAll()
	suite(t, "resume", name)
}

func TestTransactionalProducerNeverHangs(t *testing.T) {
	t.Parallel()
	out := suite(t, "transactions", harness.Name(t))
	if harness.IsOracle() && strings.Contains(out, "refused") {
		t.Errorf("Apache Kafka refused a transaction: %s", out)
	}
}
