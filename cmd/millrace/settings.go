package main

import (
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-io/millrace/internal/cli"
	"github.com/millrace-io/millrace/internal/kafka/config"
	"github.com/millrace-io/millrace/internal/meta/admin"
)

type size = cli.Size

// settings are an agent's. Each has a flag, an environment variable MILLRACE_<NAME> and a key in the config file; the
// flag beats the variable, the variable the file.
type settings struct {
	bucket       string
	listen       string
	advertise    string
	http         string
	peer         string
	zone         string
	agentGroup   string
	roles        []string
	batchTimeout time.Duration
	batchBytes   size
	memory       size
	kafka        []string
	logLevel     string
	configFile   string
}

// bind defines the flags.
func (s *settings) bind(f *pflag.FlagSet) {
	s.batchBytes, s.memory = 8<<20, 384<<20
	f.StringVar(&s.bucket, "bucket", "", "bucket URL: s3://bucket/prefix, file:///dir or mem://")
	f.StringVar(&s.listen, "listen", ":9092", "address for Kafka clients")
	f.StringVar(&s.advertise, "advertise", "", "host:port that clients and agents are told to connect to (default: this host and the port of --listen)")
	f.StringVar(&s.http, "http", ":8080", "address of health, metrics and the status page; off for none")
	f.StringVar(&s.peer, "peer", "auto", "address for other agents: auto picks a port; off cuts agent-to-agent traffic")
	f.StringVar(&s.zone, "zone", "", "availability zone of this agent")
	f.StringVar(&s.agentGroup, "agent-group", "default", "agents of other groups share the bucket and are never shown to this group's clients")
	f.StringSliceVar(&s.roles, "roles", []string{"produce", "fetch", "jobs", "sequence"}, "what this agent does: serve clients (produce,fetch), retention and snapshots (jobs), write the journal for others (sequence)")
	f.DurationVar(&s.batchTimeout, "batch-timeout", 250*time.Millisecond, "longest wait for a segment to fill, 10ms to 2s")
	f.Var(&s.batchBytes, "batch-bytes", "size at which a segment is sealed at once")
	f.Var(&s.memory, "memory", "what the agent may use in all")
	f.StringArrayVar(&s.kafka, "kafka", nil, "Kafka broker setting as name=value, for example num.partitions=3; repeatable")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&s.configFile, "config", "", "YAML file with any of these settings, by the names of the flags")
}

// unlessChanged sets other defaults than an agent's, before load.
func (s *settings) unlessChanged(cmd *cobra.Command, values map[string]string) {
	for name, value := range values {
		if f := cmd.Flags().Lookup(name); !f.Changed {
			_ = f.Value.Set(value) // all are texts, which take anything
		}
	}
}

// load fills what the command line left open from the environment and the config file, and checks the whole.
func (s *settings) load(cmd *cobra.Command) error {
	flags := cmd.Flags()
	if v, ok := os.LookupEnv("MILLRACE_CONFIG"); ok && !flags.Changed("config") {
		s.configFile = v
	}
	file, err := readConfigFile(s.configFile, flags)
	if err != nil {
		return err
	}
	var failure error
	flags.VisitAll(func(f *pflag.Flag) {
		if failure != nil || f.Changed || f.Name == "config" || f.Name == "help" {
			return
		}
		if v, ok := os.LookupEnv(envName(f.Name)); ok {
			if err := f.Value.Set(v); err != nil {
				failure = usagef("%s=%q: %v", envName(f.Name), v, err)
			}
			return
		}
		for n, v := range file[f.Name] {
			set := f.Value.Set
			if list, ok := f.Value.(pflag.SliceValue); ok && n > 0 {
				set = list.Append
			}
			if err := set(v); err != nil {
				failure = usagef("%s: %s: %q: %v", s.configFile, f.Name, v, err)
			}
		}
	})
	if failure != nil {
		return failure
	}
	return s.check()
}

func envName(flag string) string {
	return "MILLRACE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readConfigFile gives the values of each setting in the file. An unknown name is an error: a misspelt setting must not
// be passed over in silence.
func readConfigFile(path string, flags *pflag.FlagSet) (map[string][]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("the config file cannot be read: %v", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return nil, usagef("the config file %s is not YAML: %v", path, err)
	}
	out := map[string][]string{}
	for name, value := range raw {
		if flags.Lookup(name) == nil || name == "config" {
			return nil, usagef("%s: there is no setting %q; the names are those of the flags", path, name)
		}
		values, err := texts(value)
		if err != nil {
			return nil, usagef("%s: %s: %v", path, name, err)
		}
		out[name] = values
	}
	return out, nil
}

// texts gives a YAML value as flag values: a scalar is one, a list one each, a map name=value.
func texts(v any) ([]string, error) {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, x := range v {
			t, err := texts(x)
			if err != nil {
				return nil, err
			}
			out = append(out, t...)
		}
		return out, nil
	case map[string]any:
		var out []string
		for name, x := range v {
			t, err := texts(x)
			if err != nil || len(t) != 1 {
				return nil, usagef("%s is not a single value", name)
			}
			out = append(out, name+"="+t[0])
		}
		sort.Strings(out)
		return out, nil
	case nil:
		return []string{""}, nil
	}
	b, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	return []string{strings.Trim(strings.TrimSpace(string(b)), `"'`)}, nil
}

// Bounds of settings.
const (
	minBatchTimeout = 10 * time.Millisecond
	maxBatchTimeout = 2 * time.Second
	minBatchBytes   = 64 << 10
	maxBatchBytes   = 64 << 20
	minMemory       = 64 << 20
)

func (s *settings) check() error {
	switch {
	case s.batchTimeout < minBatchTimeout || s.batchTimeout > maxBatchTimeout:
		return usagef("--batch-timeout is %v: it can be %v to %v", s.batchTimeout, minBatchTimeout, maxBatchTimeout)
	case s.batchBytes < minBatchBytes || s.batchBytes > maxBatchBytes:
		return usagef("--batch-bytes is %s: it can be %s to %s", s.batchBytes.String(), size(minBatchBytes), size(maxBatchBytes))
	case s.memory < minMemory:
		return usagef("--memory is %s: at least %s are needed", s.memory.String(), size(minMemory))
	}
	if _, _, err := net.SplitHostPort(s.listen); err != nil {
		return usagef("--listen %q: want HOST:PORT or :PORT", s.listen)
	}
	if _, err := s.roleBits(); err != nil {
		return err
	}
	if err := checkAdvertise(s.advertise); err != nil {
		return err
	}
	static, err := s.kafkaSettings()
	if err != nil {
		return err
	}
	if err := config.CheckStatic(static); err != nil {
		return usagef("--kafka: %v", err)
	}
	return nil
}

// checkAdvertise refuses what a client could not connect to. A host alone is good: the port is that of --listen.
func checkAdvertise(a string) error {
	host, port, err := net.SplitHostPort(a)
	if err != nil { // no port
		host, port = strings.Trim(a, "[]"), "1"
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return usagef("--advertise %q: want HOST or HOST:PORT", a)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" && a != "" {
		return usagef("--advertise %q: want HOST or HOST:PORT", a)
	}
	return nil
}

func (s *settings) roleBits() (admin.Roles, error) {
	bits := map[string]admin.Roles{"produce": admin.RoleProduce, "fetch": admin.RoleFetch, "jobs": admin.RoleJobs, "sequence": admin.RoleSequence}
	var roles admin.Roles
	for _, name := range s.roles {
		bit, ok := bits[name]
		if !ok {
			return 0, usagef("--roles: %q is none of produce, fetch, jobs, sequence", name)
		}
		roles |= bit
	}
	if clients := admin.RoleProduce | admin.RoleFetch; roles&clients != 0 && roles&clients != clients {
		return 0, usagef("--roles: produce and fetch go together for now, because a client is sent to one agent for both: give both, or neither for an agent that clients are not sent to")
	}
	return roles, nil
}

func (s *settings) kafkaSettings() (map[string]string, error) {
	out := map[string]string{}
	for _, kv := range s.kafka {
		name, value, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, usagef("--kafka %q: want name=value", kv)
		}
		if _, known := config.BrokerTable.Lookup(name); !known {
			return nil, usagef("--kafka: %q is no broker setting that Millrace knows", name)
		}
		if why := config.Settled(name); why != "" {
			return nil, usagef("--kafka: %s cannot be set: %s", name, why)
		}
		out[name] = value
	}
	return out, nil
}
