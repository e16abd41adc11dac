package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/objstore/retry"
)

// Exit codes of fsck beside 0 and that of a wrong command line, for scripts.
const (
	exitDamaged   = 1 // a promise is broken: records may be lost, or agents refuse to start
	exitUnchecked = 3 // nothing can be said: the bucket cannot be read, holds no cluster, or is of a newer version
)

const fsckText = `Check from the bucket alone that journal, state, data files and checksums agree, and name every lost, damaged,
orphaned and doubly referenced file. Agents may be at work meanwhile.

It changes nothing, and says of each problem whether --repair would mend it. --repair only deletes what provably
nobody will ever need: entries, snapshots and parts that a newer, sound and old enough snapshot stands for; data files
that no partition refers to and that no entry can name any more. Beside damage that it does not mend it deletes nothing.

Exit codes:
  0  no promise is broken; there may be garbage and notes
  1  something is damaged, and was not repaired
  2  the command line is wrong
  3  nothing can be said: the bucket cannot be read, holds no cluster, or needs a newer version`

func newFsckCommand() *cobra.Command {
	var bucket string
	var asJSON bool
	var options fsck.Options
	cmd := &cobra.Command{
		Use:   "fsck --bucket URL",
		Short: "Check from the bucket alone that journal, state, data files and checksums agree",
		Long:  fsckText,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("fsck takes no arguments, only flags: %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if v, ok := os.LookupEnv(envName("bucket")); ok && !cmd.Flags().Changed("bucket") {
				bucket = v
			}
			switch {
			case bucket == "":
				return usagef("--bucket or %s must say which bucket to check", envName("bucket"))
			case options.Quick && options.Repair:
				return usagef("--repair deletes nothing beside damage, so it has to look at everything: leave out --quick")
			}
			return runFsck(cmd, bucket, asJSON, options)
		},
	}
	cmd.Flags().StringVar(&bucket, "bucket", "", "bucket URL: s3://bucket/prefix or file:///dir")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().BoolVar(&options.Quick, "quick", false, "do not read the bytes of data files")
	cmd.Flags().BoolVar(&options.Repair, "repair", false, "delete what provably nobody needs any more")
	return cmd
}

func runFsck(cmd *cobra.Command, bucket string, asJSON bool, options fsck.Options) error {
	e := env.Real()
	store, err := openBucket(cmd.Context(), e, bucket)
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	if err != nil {
		return &exitError{exitUnchecked, err}
	}
	clear := func() {}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		options.Progress = func(doing string, steps int) { fmt.Fprintf(os.Stderr, "\r\033[K%s: %d", doing, steps) }
		clear = func() { fmt.Fprint(os.Stderr, "\r\033[K") }
	}
	report, err := fsck.Run(cmd.Context(), e, retry.New(e, store, retry.DefaultPolicy), options)
	clear()
	if err != nil {
		return &exitError{exitUnchecked, errors.Join(fmt.Errorf("checking %s: %w", store.Info().URL, err), printIfAny(cmd, report, asJSON))}
	}
	if err := printReport(cmd, report, asJSON); err != nil {
		return &exitError{exitUnchecked, err}
	}
	switch left := report.Damage - report.Mended; {
	case left > 0:
		return &exitError{exitDamaged, fmt.Errorf("the bucket is damaged in %d places; keep it as it is, and copy it before anything is changed", left)}
	case report.Cluster == "":
		return &exitError{exitUnchecked, fmt.Errorf("there is no cluster in %s: is the URL right?", store.Info().URL)}
	}
	return nil
}

// printIfAny prints what was found before the check, or the repair, failed.
func printIfAny(cmd *cobra.Command, report fsck.Report, asJSON bool) error {
	if len(report.Problems) == 0 {
		return nil
	}
	return printReport(cmd, report, asJSON)
}

func printReport(cmd *cobra.Command, report fsck.Report, asJSON bool) error {
	out := cmd.OutOrStdout()
	if !asJSON {
		return report.Table(out)
	}
	w := json.NewEncoder(out)
	w.SetIndent("", "  ")
	return w.Encode(report)
}
