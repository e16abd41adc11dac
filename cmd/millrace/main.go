// Command millrace is Apache Kafka on nothing but a bucket: agents, a demo, a playground, a bench, fsck, and a command line for
// records, topics and groups. It is the composition root: flags, settings and wiring, no logic.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-io/millrace/internal/cli"
	"github.com/millrace-io/millrace/internal/meta"
)

func main() {
	root := newRoot()
	err := root.Execute()
	if err == nil {
		return
	}
	var usage *usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		fmt.Fprintf(os.Stderr, "millrace: %v\nrun 'millrace --help' for what there is\n", err)
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "millrace: %v\n", err)
	var exit *exitError
	if errors.As(err, &exit) {
		os.Exit(exit.code)
	}
	os.Exit(cli.ExitCode(err))
}

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	error
}

func (e *exitError) Unwrap() error { return e.error }

// usageError is a mistake in the command line, the environment or the config file: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "millrace",
		Short:         "Apache Kafka on nothing but a bucket",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate(fmt.Sprintf("millrace {{.Version}}, feature level %d\n", meta.FeatureLevel))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	root.AddCommand(newAgentCommand(), newPlaygroundCommand(), newDemoCommand(), newFsckCommand(),
		cli.TopicCommand(), cli.GroupCommand(), cli.ProduceCommand(), cli.ConsumeCommand(), cli.BenchCommand())
	return root
}

// version is that of the build, as Go stamps it into the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
