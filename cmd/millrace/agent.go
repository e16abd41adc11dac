package main

import (
	"github.com/spf13/cobra"
)

func newAgentCommand() *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:   "agent --bucket URL",
		Short: "Run an agent: agents with the same bucket are one cluster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.load(cmd); err != nil {
				return err
			}
			if s.bucket == "" {
				return usagef("--bucket is missing: give the bucket that holds the cluster, for example --bucket s3://my-bucket/kafka or --bucket file:///var/lib/millrace")
			}
			log, err := newLogger(s.logLevel)
			if err != nil {
				return err
			}
			signals := catchSignals()
			r, err := start(cmd.Context(), s, signals, log)
			if err != nil {
				return err
			}
			log.Info("ready", "kafka", r.Agent.Advertised(), "http", r.http, "bucket", r.store.Info().URL)
			return r.await(cmd.Context(), signals, log)
		},
	}
	s.bind(cmd.Flags())
	return cmd
}
