package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// UsageError says that a command was called wrongly: nothing was sent to the cluster.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &UsageError{text: fmt.Sprintf(format, args...)}
}

// ExitCode gives the process's exit code for what a command returned: 0 for nil, 2 for a UsageError, else 1.
func ExitCode(err error) int {
	var usage *UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	default:
		return 1
	}
}

// wantArgs refuses a wrong number of positional arguments. max < 0 means any number from min up.
func wantArgs(min, max int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= min && (max < 0 || len(args) <= max) {
			return nil
		}
		return usagef("wrong number of arguments: call it as %q", cmd.UseLine())
	}
}

// quiet leaves the printing of errors to the caller and turns errors about flags into usage errors, for cmd and what
// is added below it.
func quiet(cmd *cobra.Command) *cobra.Command {
	cmd.SilenceErrors = true
	cmd.SilenceUsage = true
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%v; see %q", err, c.CommandPath()+" --help")
	})
	return cmd
}

// family makes a command that only groups others.
func family(use, short string, flags *common, children ...*cobra.Command) *cobra.Command {
	cmd := quiet(&cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usagef("unknown command %q: %s has %s", args[0], cmd.CommandPath(), childNames(cmd))
		},
	})
	flags.addTo(cmd.PersistentFlags())
	for _, child := range children {
		cmd.AddCommand(quiet(child))
	}
	return cmd
}

func childNames(cmd *cobra.Command) string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return strings.Join(names, ", ")
}
