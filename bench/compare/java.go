package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// jvmFlags are those of kafka-run-class.sh (KAFKA_JVM_PERFORMANCE_OPTS), for servers and tools alike.
var jvmFlags = []string{"-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
	"-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"}

// java gives the arguments that run a main class of Kafka's jars.
func (c *compare) java(flags []string, class string, args ...string) []string {
	argv := append([]string{"java"}, flags...)
	argv = append(argv, jvmFlags...)
	argv = append(argv, "-cp", filepath.Join(c.jars(), "*"), class)
	return append(argv, args...)
}

// javaRun runs a tool to its end.
func (c *compare) javaRun(class string, args ...string) error {
	argv := c.java(toolHeap, class, args...)
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", class, err, out)
	}
	return nil
}

func (c *compare) jars() string { return filepath.Join(c.repo, ".tools", "kafka") }

// installKafka brings the jars, through Maven; quick when they are there.
func (c *compare) installKafka() error {
	script := filepath.Join(c.repo, "tools", "install-clients.sh")
	if out, err := exec.Command("bash", script, "kafka").CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", script, err, out)
	}
	return nil
}

// kafkaVersion is in the name of the broker's jar.
func (c *compare) kafkaVersion() (string, error) {
	jars, err := filepath.Glob(filepath.Join(c.jars(), "kafka-server-[0-9]*.jar"))
	if err != nil || len(jars) != 1 {
		return "", fmt.Errorf("%s holds %d jars of a Kafka server", c.jars(), len(jars))
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(jars[0]), "kafka-server-"), ".jar"), nil
}

func javaVersion() (string, error) {
	out, err := exec.Command("java", "-version").CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(first), err
}

// repoRoot is the work tree that the command was started in.
func repoRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	file := strings.TrimSpace(string(out))
	if filepath.Base(file) != "go.mod" {
		return "", errors.New("run it inside the work tree")
	}
	return filepath.Dir(file), nil
}
