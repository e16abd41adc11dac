package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/millrace-io/millrace/internal/base/env"
	"github.com/millrace-io/millrace/internal/fsck"
	"github.com/millrace-io/millrace/internal/objstore/open"
	"github.com/millrace-io/millrace/internal/objstore/retry"
)

func newFsckCommand() *cobra.Command {
	var bucket string
	var asJSON, quick bool
	cmd := &cobra.Command{
		Use:   "fsck --bucket URL",
		Short: "Check from the bucket alone that journal, state, data files and checksums agree",
		Long: "Check from the bucket alone that journal, state, data files and checksums agree, and name every orphan.\n" +
			"It changes nothing, and agents may be at work meanwhile. Exit code 0: no damage; 1: damage, or the bucket cannot be read.",
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
			if bucket == "" {
				return usagef("--bucket or %s must say which bucket to check", envName("bucket"))
			}
			return runFsck(cmd, bucket, asJSON, quick)
		},
	}
	cmd.Flags().StringVar(&bucket, "bucket", "", "bucket URL: s3://bucket/prefix or file:///dir")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().BoolVar(&quick, "quick", false, "do not read the bytes of data files")
	return cmd
}

func runFsck(cmd *cobra.Command, bucket string, asJSON, quick bool) error {
	e := env.Real()
	store, err := open.Open(cmd.Context(), e, bucket)
	if err != nil {
		return err
	}
	options := fsck.Options{Quick: quick}
	clear := func() {}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		options.Progress = func(doing string, steps int) { fmt.Fprintf(os.Stderr, "\r\033[K%s: %d", doing, steps) }
		clear = func() { fmt.Fprint(os.Stderr, "\r\033[K") }
	}
	report, err := fsck.Run(cmd.Context(), e, retry.New(e, store, retry.DefaultPolicy), options)
	clear()
	if err != nil {
		return err
	}
	if err := printReport(cmd, report, asJSON); err != nil {
		return err
	}
	switch {
	case report.OK() && report.Cluster == "":
		return fmt.Errorf("there is no cluster in %s: is the URL right?", store.Info().URL)
	case !report.OK():
		return fmt.Errorf("the bucket is damaged in %d places; keep it as it is, and copy it before anything is repaired", report.Damage)
	}
	return nil
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
